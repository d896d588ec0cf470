"""SQL of recording: versions, tombstones, receipts. Each function runs on the writer inside its transaction."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from directdnsonly.outbox import _body, _held
from directdnsonly.outbox._recording import CHANGE, RECORD, REPEAT, names_of
from directdnsonly.outbox.records import (
    Kind,
    NewDeletion,
    NewVersion,
    Origin,
    Owner,
    Receipt,
)
from directdnsonly.outbox.versioning import Current, decide_put, owner_after, why_ignore_delete
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import with_serial

COMPRESSION_LEVEL = 6  # 21 us and a half of the size for a usual zone (stack.md 3)

_COLUMNS = "version, kind, serial, pushed_serial, digest, challenge, credential, hostname, username, records"
_CURRENT = f"SELECT {_COLUMNS} FROM %s WHERE zone = ?"

_PINNED = "SELECT 1 FROM pin WHERE zone = ?"
# Everything that the record of a push depends on, in one statement.
_LOOK = f"""
SELECT {_COLUMNS}, EXISTS (SELECT 1 FROM pin WHERE zone = ?1), EXISTS (SELECT 1 FROM held WHERE zone = ?1)
  FROM zone WHERE zone = ?1"""

# A zone that is made begins above every number that was ever given and forgotten; also above what is left of one whose
# own row was lost.
_FIRST_VERSION = """
SELECT 1 + MAX((SELECT version FROM version_floor),
               (SELECT COALESCE(MAX(version), 0) FROM version WHERE zone = ?1),
               (SELECT COALESCE(MAX(want_version), 0) FROM delivery WHERE zone = ?1))"""


class Seen(NamedTuple):
    """Where the newest version of a zone is recorded, that version, and whether a push may wait for approval."""

    table: str
    current: Current | None
    held: bool


def look(connection: sqlite3.Connection, name: ZoneName) -> Seen:
    """The newest version or tombstone: in `zone`, or in `waiting` while the zone is pinned."""
    row = connection.execute(_LOOK, (name,)).fetchone()
    if row is None:
        pinned = connection.execute(
            _PINNED, (name,)
        ).fetchone()  # its row is lost: a damage, and no reason to forget a pin
        return Seen("waiting" if pinned else "zone", current(connection, name, "waiting") if pinned else None, True)
    *columns, pinned, held = row
    if pinned:
        return Seen("waiting", current(connection, name, "waiting"), bool(held))
    return Seen("zone", _current(columns), bool(held))


def newest(connection: sqlite3.Connection, name: ZoneName) -> Current | None:
    """The newest version or tombstone, also when it waits behind a pin."""
    return look(connection, name).current


def current(connection: sqlite3.Connection, name: ZoneName, table: str) -> Current | None:
    """The newest version or tombstone in `zone` or `waiting`, as the decisions need it."""
    row = connection.execute(_CURRENT % table, (name,)).fetchone()
    return None if row is None else _current(row)


def _current(row: Sequence[Any]) -> Current:
    version, kind, serial, pushed_serial, digest, challenge, credential, hostname, username, records = row
    return Current(
        version=version,
        kind=Kind(kind),
        serial=serial,
        pushed_serial=pushed_serial,
        digest=digest,
        challenge=challenge,
        owner=Owner(credential=credential, hostname=hostname, username=username),
        records=records,
    )


def first_version(connection: sqlite3.Connection, name: ZoneName) -> int:
    """The number with which a zone begins that has no row, not even a tombstone."""
    return int(connection.execute(_FIRST_VERSION, (name,)).fetchone()[0])


def record_push(
    connection: sqlite3.Connection, push: NewVersion, *, backends: Sequence[str], now: float, keep_versions: int
) -> Receipt:
    """Record a push: a new version and its deliveries, or (same content) only that it came."""
    zone, origin = push.zone, push.origin
    table, before, held = look(connection, zone.name)
    if held:
        _held.overtake(connection, zone.name, origin.owner.hostname)
    decision = decide_put(before, push)
    owner = owner_after(before, push)
    if not decision.changed and before is not None and not _body.is_whole(connection, zone.name, before.version):
        decision = replace(decision, changed=True)  # what we hold of it is damaged: the same again heals it
    version = first_version(connection, zone.name) if before is None else before.version + decision.changed
    receipt = Receipt(
        change_id=origin.change_id,
        name=zone.name,
        version=version,
        kind=Kind.PUT,
        changed=decision.changed and table == "zone",
        serial=decision.serial,
        priority=decision.priority if decision.changed else push.priority,
        took_over=decision.took_over,
        ignored=_why_held(connection, zone.name, version) if table == "waiting" else "",
    )
    if decision.changed:
        text = zone.text if decision.serial == zone.serial else with_serial(zone.text, decision.serial)
        _record(
            connection,
            receipt,
            origin,
            table=table,
            pushed_serial=zone.serial,
            records=zone.records,
            digest=zone.digest,
            challenge=zone.challenge,
            signed=zone.signed,
            owner=owner,
            now=now,
            warnings=zone.warnings,
            body=zlib.compress(text.encode("ascii"), COMPRESSION_LEVEL),
            keep_versions=keep_versions,
            backends=backends,
        )
    else:
        connection.execute(
            REPEAT[table],
            _of_change(receipt, origin, now)
            | _of_owner(owner)
            | {"pushed_serial": zone.serial, "source": str(origin.source)},
        )
    return receipt


def record_delete(
    connection: sqlite3.Connection, deletion: NewDeletion, *, backends: Sequence[str], now: float, keep_versions: int
) -> Receipt:
    """Record a tombstone, unless there is nothing to delete or it is not the asker's to delete."""
    name, origin = deletion.name, deletion.origin
    table, before, _ = look(connection, name)
    living = before if before is not None and before.kind is Kind.PUT else None
    ignored = why_ignore_delete(living, deletion) if living is not None else ""
    version = before.version if before is not None else 0
    gone = living if not ignored else None
    if gone is not None:
        version += 1
        if table == "waiting":
            ignored = _why_held(connection, name, version)
    receipt = Receipt(
        change_id=origin.change_id,
        name=name,
        version=version,
        kind=Kind.DELETE,
        changed=gone is not None and table == "zone",
        serial=before.serial if before else 0,  # kept, so that a zone made again the same day still moves forward
        priority=deletion.priority,
        ignored=ignored,
    )
    if gone is None:
        record_change(connection, receipt, origin, now)
    else:
        _record(
            connection,
            receipt,
            origin,
            table=table,
            pushed_serial=gone.pushed_serial,
            records=0,
            digest=b"",
            challenge=b"",
            signed=False,
            owner=gone.owner,
            now=now,
            warnings=(),
            body=None,
            keep_versions=keep_versions,
            backends=backends,
        )
    return receipt


def _why_held(connection: sqlite3.Connection, name: ZoneName, version: int) -> str:
    """What the pusher of a pinned zone is told; empty when the pinned version is what was pushed."""
    (pinned,) = connection.execute("SELECT version FROM pin WHERE zone = ?", (name,)).fetchone()
    if version == pinned:
        return ""
    return f"the zone is pinned at version {pinned}: recorded as version {version}, served when it is released"


def _record(
    connection: sqlite3.Connection,
    receipt: Receipt,
    origin: Origin,
    *,
    table: str,
    pushed_serial: int,
    records: int,
    digest: bytes,
    challenge: bytes,
    signed: bool,
    owner: Owner,
    now: float,
    warnings: Sequence[str],
    body: bytes | None,
    keep_versions: int,
    backends: Sequence[str],
) -> None:
    """The version of the receipt, the receipt, and deliveries to all backends unless the zone is pinned."""
    connection.execute(
        RECORD[table],
        _of_change(receipt, origin, now)
        | _of_owner(owner)
        | {
            "pushed_serial": pushed_serial,
            "records": records,
            "digest": digest,
            "challenge": challenge,
            "signed": int(signed),
            "source": str(origin.source),
            "warnings": json.dumps(warnings) if warnings else "",
            "body": body,
            "keep": keep_versions,
            "backends": names_of(tuple(backends) if table == "zone" else ()),
            "pusher_credential": origin.owner.credential,
            "pusher_hostname": origin.owner.hostname,
            "pusher_username": origin.owner.username,
        },
    )


def record_change(connection: sqlite3.Connection, receipt: Receipt, origin: Origin, now: float) -> None:
    """Keep the receipt."""
    connection.execute(CHANGE, _of_change(receipt, origin, now))


def _of_change(receipt: Receipt, origin: Origin, now: float) -> dict[str, Any]:
    return {
        "change_id": receipt.change_id,
        "zone": str(receipt.name),
        "version": receipt.version,
        "kind": str(receipt.kind),
        "changed": int(receipt.changed),
        "serial": receipt.serial,
        "priority": int(receipt.priority),
        "ignored": receipt.ignored,
        "address": origin.address,
        "now": now,
    }


def _of_owner(owner: Owner) -> dict[str, Any]:
    return {"credential": owner.credential, "hostname": owner.hostname, "username": owner.username}
