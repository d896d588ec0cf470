"""SQL of recording: versions, tombstones, receipts. Each function runs on the writer inside its transaction."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import replace

from directdnsonly.outbox import _body
from directdnsonly.outbox.records import (
    Kind,
    NewDeletion,
    NewVersion,
    Origin,
    Owner,
    Priority,
    Receipt,
)
from directdnsonly.outbox.versioning import Current, decide_put, owner_after, why_ignore_delete
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import with_serial

COMPRESSION_LEVEL = 6  # 21 us and a half of the size for a usual zone (stack.md 3)
STORM_PAUSE_S = (
    0.15  # a zone pushed again while (or just after) it was delivered waits this long: 132 pushes, few reloads
)

_CURRENT = """
SELECT version, kind, serial, pushed_serial, digest, challenge, credential, hostname, username, records
  FROM %s WHERE zone = ?"""

_INSERT_VERSION = """
INSERT INTO version (zone, version, kind, serial, pushed_serial, records, digest, credential, hostname, username,
                     address, source, change_id, at, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

# A zone that is made begins above every number that was ever given and forgotten; also above what is left of one whose
# own row was lost.
_FIRST_VERSION = """
SELECT 1 + MAX((SELECT version FROM version_floor),
               (SELECT COALESCE(MAX(version), 0) FROM version WHERE zone = ?1),
               (SELECT COALESCE(MAX(want_version), 0) FROM delivery WHERE zone = ?1))"""

# The version is incremented here and nowhere else. The table is `zone`, or `waiting` while the zone is pinned.
_UPSERT_ZONE = """
INSERT INTO %s (zone, version, kind, serial, pushed_serial, records, digest, challenge, signed, credential, hostname,
                  username, source, change_id, pushed_at, changed_at, warnings)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (zone) DO UPDATE SET
       version = version + 1, kind = excluded.kind, serial = excluded.serial, pushed_serial = excluded.pushed_serial,
       records = excluded.records, digest = excluded.digest, challenge = excluded.challenge, signed = excluded.signed,
       credential = excluded.credential, hostname = excluded.hostname, username = excluded.username,
       source = excluded.source, change_id = excluded.change_id, pushed_at = excluded.pushed_at,
       changed_at = excluded.changed_at, warnings = excluded.warnings
RETURNING version"""

# The pause is bounded from now: `applied_at` lies in the future when the clock was set back while we were down.
# A row under lease keeps its lease: the running attempt ends first, then the newer version is due (see _work.SETTLE).
_UPSERT_DELIVERY = """
INSERT INTO delivery (backend, zone, want_version, want_kind, state, priority, due_at, wanted_at, change_id)
VALUES (:backend, :zone, :version, :kind, 'pending', :priority, :now, :now, :change_id)
    ON CONFLICT (backend, zone) DO UPDATE SET
       want_version = excluded.want_version, want_kind = excluded.want_kind,
       priority = CASE WHEN due_at IS NULL THEN excluded.priority ELSE MIN(priority, excluded.priority) END,
       state = CASE WHEN state IN ('leased', 'applied') THEN state ELSE 'pending' END,
       due_at = CASE WHEN state IN ('leased', 'applied') THEN due_at
                     ELSE MIN(MAX(excluded.due_at, COALESCE(applied_at, 0) + :pause), excluded.due_at + :pause) END,
       attempts = 0, wanted_at = excluded.wanted_at, change_id = excluded.change_id, reason = ''"""

_INSERT_CHANGE = """
INSERT INTO change (id, zone, version, kind, changed, serial, priority, ignored, address, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def _table_of(connection: sqlite3.Connection, name: ZoneName) -> str:
    """Where the newest version of a zone is recorded: in `zone`, or beside it while the zone is pinned."""
    pinned = connection.execute("SELECT 1 FROM pin WHERE zone = ?", (name,)).fetchone()
    return "waiting" if pinned else "zone"


def newest(connection: sqlite3.Connection, name: ZoneName) -> Current | None:
    """The newest version or tombstone, also when it waits behind a pin."""
    return current(connection, name, _table_of(connection, name))


def current(connection: sqlite3.Connection, name: ZoneName, table: str) -> Current | None:
    """The newest version or tombstone in `zone` or `waiting`, as the decisions need it."""
    row = connection.execute(_CURRENT % table, (name,)).fetchone()
    if row is None:
        return None
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
    table = _table_of(connection, zone.name)
    before = current(connection, zone.name, table)
    decision = decide_put(before, push)
    owner = owner_after(before, push)
    if not decision.changed and before is not None and not _body.is_whole(connection, zone.name, before.version):
        decision = replace(decision, changed=True)  # what we hold of it is damaged: the same again heals it
    if not decision.changed:
        assert before is not None
        connection.execute(
            f"UPDATE {table} SET pushed_at = ?, pushed_serial = ?, credential = ?, hostname = ?, username = ?, source = ?"
            " WHERE zone = ?",
            (now, zone.serial, owner.credential, owner.hostname, owner.username, origin.source, zone.name),
        )
        version, priority = before.version, push.priority
    else:
        priority = decision.priority
        text = zone.text if decision.serial == zone.serial else with_serial(zone.text, decision.serial)
        version = _new_version(
            connection,
            table=table,
            known=before is not None,
            name=zone.name,
            kind=Kind.PUT,
            serial=decision.serial,
            pushed_serial=zone.serial,
            records=zone.records,
            digest=zone.digest,
            challenge=zone.challenge,
            signed=zone.signed,
            owner=owner,
            origin=origin,
            now=now,
            warnings=zone.warnings,
            body=zlib.compress(text.encode("ascii"), COMPRESSION_LEVEL),
            keep_versions=keep_versions,
        )
        if table == "zone":
            want(connection, zone.name, version, Kind.PUT, backends, priority, origin.change_id, now)
    receipt = Receipt(
        change_id=origin.change_id,
        name=zone.name,
        version=version,
        kind=Kind.PUT,
        changed=decision.changed and table == "zone",
        serial=decision.serial,
        priority=priority,
        took_over=decision.took_over,
        ignored=_why_held(connection, zone.name, version) if table == "waiting" else "",
    )
    record_change(connection, receipt, origin, now)
    return receipt


def record_delete(
    connection: sqlite3.Connection, deletion: NewDeletion, *, backends: Sequence[str], now: float, keep_versions: int
) -> Receipt:
    """Record a tombstone, unless there is nothing to delete or it is not the asker's to delete."""
    name, origin = deletion.name, deletion.origin
    table = _table_of(connection, name)
    before = current(connection, name, table)
    living = before is not None and before.kind is Kind.PUT
    ignored = why_ignore_delete(before, deletion) if before is not None and living else ""
    version = before.version if before is not None else 0
    changed = living and not ignored
    if changed:
        assert before is not None
        version = _new_version(
            connection,
            table=table,
            known=before is not None,
            name=name,
            kind=Kind.DELETE,
            serial=before.serial,  # kept, so that a zone made again the same day still moves forward
            pushed_serial=before.pushed_serial,
            records=0,
            digest=b"",
            challenge=b"",
            signed=False,
            owner=before.owner,
            origin=origin,
            now=now,
            warnings=(),
            body=None,
            keep_versions=keep_versions,
        )
        if table == "zone":
            want(connection, name, version, Kind.DELETE, backends, deletion.priority, origin.change_id, now)
        else:
            ignored = _why_held(connection, name, version)
    receipt = Receipt(
        change_id=origin.change_id,
        name=name,
        version=version,
        kind=Kind.DELETE,
        changed=changed and table == "zone",
        serial=before.serial if before else 0,
        priority=deletion.priority,
        ignored=ignored,
    )
    record_change(connection, receipt, origin, now)
    return receipt


def _why_held(connection: sqlite3.Connection, name: ZoneName, version: int) -> str:
    """What the pusher of a pinned zone is told; empty when the pinned version is what was pushed."""
    (pinned,) = connection.execute("SELECT version FROM pin WHERE zone = ?", (name,)).fetchone()
    if version == pinned:
        return ""
    return f"the zone is pinned at version {pinned}: recorded as version {version}, served when it is released"


def _new_version(
    connection: sqlite3.Connection,
    *,
    table: str,
    known: bool,
    name: ZoneName,
    kind: Kind,
    serial: int,
    pushed_serial: int,
    records: int,
    digest: bytes,
    challenge: bytes,
    signed: bool,
    owner: Owner,
    origin: Origin,
    now: float,
    warnings: Sequence[str],
    body: bytes | None,
    keep_versions: int,
) -> int:
    who = (owner.credential, owner.hostname, owner.username)
    (version,) = connection.execute(
        _UPSERT_ZONE % table,
        (
            name,
            1 if known else first_version(connection, name),
            kind,
            serial,
            pushed_serial,
            records,
            digest,
            challenge,
            signed,
            *who,
            origin.source,
            origin.change_id,
            now,
            now,
            json.dumps(warnings) if warnings else "",
        ),
    ).fetchone()
    pusher = (origin.owner.credential, origin.owner.hostname, origin.owner.username)
    connection.execute(
        _INSERT_VERSION,
        (
            name,
            version,
            kind,
            serial,
            pushed_serial,
            records,
            digest,
            *pusher,
            origin.address,
            origin.source,
            origin.change_id,
            now,
            body,
        ),
    )
    if version > keep_versions:
        connection.execute(
            "DELETE FROM version WHERE zone = ?1 AND version <= ?2"
            " AND version <> (SELECT version FROM zone WHERE zone = ?1)",  # a pinned one may be older than all the rest
            (name, version - keep_versions),
        )
    return int(version)


def want(
    connection: sqlite3.Connection,
    name: ZoneName,
    version: int,
    kind: Kind,
    backends: Sequence[str],
    priority: Priority,
    change_id: str,
    now: float,
) -> None:
    """Make the version due on every backend."""
    for backend in backends:
        connection.execute(
            _UPSERT_DELIVERY,
            {
                "backend": backend,
                "zone": name,
                "version": version,
                "kind": kind,
                "priority": int(priority),
                "now": now,
                "change_id": change_id,
                "pause": STORM_PAUSE_S,
            },
        )


def record_change(connection: sqlite3.Connection, receipt: Receipt, origin: Origin, now: float) -> None:
    """Keep the receipt."""
    connection.execute(
        _INSERT_CHANGE,
        (
            receipt.change_id,
            receipt.name,
            receipt.version,
            receipt.kind,
            receipt.changed,
            receipt.serial,
            int(receipt.priority),
            receipt.ignored,
            origin.address,
            now,
        ),
    )
