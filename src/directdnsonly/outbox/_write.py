"""SQL of recording: versions, tombstones, receipts. Each function runs on the writer inside its transaction."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from directdnsonly.errors import OwnershipRefused
from directdnsonly.outbox import _body, _held, _neighbours, _owning, _told, ownership
from directdnsonly.outbox._recording import CHANGE, RECORD, REPEAT, TOUCH, names_of
from directdnsonly.outbox.drift import HeldPush, HoldRule
from directdnsonly.outbox.ownership import GiveWay, Hold, Ignore, Record, Refuse, There, Verdict, Waiting
from directdnsonly.outbox.records import (
    BEHIND_PIN,
    Kind,
    NewDeletion,
    NewVersion,
    Origin,
    Owner,
    Receipt,
    Source,
    Withheld,
)
from directdnsonly.outbox.versioning import Current, decide_put
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import with_serial
from directdnsonly.zone.warn import ZoneWarning

COMPRESSION_LEVEL = 6  # 21 us and a half of the size for a usual zone (measured, zlib)

_COLUMNS = "version, kind, serial, pushed_serial, digest, challenge, credential, hostname, username, records"
_FORMER = "SELECT c.id FROM zone z JOIN change c ON c.id = z.change_id WHERE z.zone = ?"

# Who changes something by these is told the id of his change, and may ask how far it has come.
ASKED_FOR = frozenset({Source.API, Source.ROLLBACK})

# Everything that the record of a change depends on, in one statement; one row, also when the zone has none: it may be pinned
# all the same (its row is lost: a damage, and no reason to forget a pin), and a push of it may wait.
_LOOK = f"""
SELECT {", ".join(f"z.{column}" for column in _COLUMNS.split(", "))},
       (SELECT version FROM pin WHERE zone = ?1), {_neighbours.ANY}, h.rule, h.credential, h.hostname, h.username, h.digest
  FROM (SELECT 1) always LEFT JOIN zone z ON z.zone = ?1 LEFT JOIN held h ON h.zone = ?1"""

# A zone that is made begins above every number that was ever given and forgotten; also above what is left of one whose
# own row was lost.
_FIRST_VERSION = """
SELECT 1 + MAX((SELECT version FROM version_floor),
               (SELECT COALESCE(MAX(version), 0) FROM version WHERE zone = ?1),
               (SELECT COALESCE(MAX(want_version), 0) FROM delivery WHERE zone = ?1))"""


class Seen(NamedTuple):
    """The newest version of a zone, the one that it is pinned at, and the push that waits for approval.

    `redirecting`: whether any zone here has a DNAME.
    """

    current: Current | None
    pinned: int | None
    waits: Waiting | None
    redirecting: bool

    @property
    def living(self) -> Current | None:
        """The newest version, unless it is a tombstone."""
        return self.current if self.current is not None and self.current.kind is Kind.PUT else None

    @property
    def there(self) -> There:
        """For the judgement, without what lies around."""
        if self.current is None:
            return There(waits=self.waits)
        if self.current.kind is Kind.PUT:
            return There(zone=self.current.owner, waits=self.waits)
        return There(buried=self.current.owner, waits=self.waits)


def look(connection: sqlite3.Connection, name: ZoneName) -> Seen:
    """Everything that the record of a change depends on."""
    *columns, pinned, redirecting, rule, credential, hostname, username, digest = connection.execute(
        _LOOK, (name,)
    ).fetchone()
    waits = None
    if rule is not None:
        owner = Owner(credential=credential, hostname=hostname, username=username)
        waits = Waiting(rule=HoldRule(rule), owner=owner, digest=digest.hex())
    return Seen(None if columns[0] is None else _current(columns), pinned, waits, bool(redirecting))


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
    """Record a push: a new version and its deliveries, or (same content) only that it came. Or hold it, or refuse it.

    Raises OwnershipRefused.
    """
    zone = push.zone
    seen = look(connection, zone.name)
    newest = seen.current.version if seen.current is not None else 0
    if push.only_if_version not in (None, newest):
        return replace(_nothing(push, newest, f"version {newest} came meanwhile"), overtaken=True)
    verdict = _judged(connection, push, seen, now)
    if isinstance(verdict, Ignore):
        return replace(_nothing(push, newest, verdict.reason), overtaken=True)
    if isinstance(verdict, Hold):
        return _hold(connection, push, seen, verdict, now)
    assert isinstance(verdict, Record)
    if verdict.drops:
        _held.drop(connection, zone.name)
    return _record_push(connection, push, seen, verdict, backends=backends, now=now, keep_versions=keep_versions)


def _judged(connection: sqlite3.Connection, push: NewVersion, seen: Seen, now: float) -> Verdict:
    """Whether the push may. Raises OwnershipRefused. A push that loses much is held as well, unless a pin holds it anyway."""
    name, asker, act = push.zone.name, push.origin.owner, ownership.act_of(push)
    there = seen.there
    if ownership.looks_around(act, there.zone):
        there = _owning.look_around(connection, name, asker, there)
    if ownership.is_touched(asker, there):
        there = _owning.with_moves(connection, there, now)
    verdict = ownership.judge(act, name, asker, there, takeover=push.takeover, approves=push.approves)
    if isinstance(verdict, Refuse):
        raise OwnershipRefused(verdict.reason, rule=verdict.rule)
    lossy = push.loss is not None and seen.living is not None and seen.living.version == push.loss.version
    if lossy and push.loss is not None and isinstance(verdict, Record) and seen.pinned is None:
        return ownership.hold_loss(push.loss.reason, asker, there)
    return verdict


def _nothing(push: NewVersion, newest: int, reason: str) -> Receipt:
    return Receipt(
        change_id=push.origin.change_id,
        name=push.zone.name,
        version=newest,
        kind=Kind.PUT,
        changed=False,
        ignored=reason,
    )


def _hold(connection: sqlite3.Connection, push: NewVersion, seen: Seen, verdict: Hold, now: float) -> Receipt:
    """Keep the push until somebody approves it; the very one that waits already stays as it is."""
    origin, digest = push.origin, push.zone.digest.hex()
    version = seen.current.version if seen.current is not None else 0
    anew = seen.waits != Waiting(rule=verdict.rule, owner=origin.owner, digest=digest)
    if anew:
        _held.record(
            connection,
            HeldPush(
                name=push.zone.name,
                version=version,
                digest=digest,
                rule=verdict.rule,
                reason=verdict.reason,
                difference="",
                owner=origin.owner,
                address=origin.address,
                at=now,
                body=push.body,
            ),
        )
    return replace(
        _nothing(push, version, f"held for approval: {verdict.reason}"),
        notices=verdict.notices,
        withheld=Withheld(rule=verdict.rule, reason=verdict.reason, digest=digest, anew=anew),
    )


def _record_push(
    connection: sqlite3.Connection,
    push: NewVersion,
    seen: Seen,
    verdict: Record,
    *,
    backends: Sequence[str],
    now: float,
    keep_versions: int,
) -> Receipt:
    zone, origin = push.zone, push.origin
    before, living, free = seen.current, seen.living, seen.pinned is None
    decision = decide_put(before, push)
    had = before.owner if before is not None else None
    owner = ownership.owner_after(had if living else None, None if living else had, push)
    if not decision.changed and before is not None and not _body.is_whole(connection, zone.name, before.version):
        decision = replace(decision, changed=True)  # what we hold of it is damaged: the same again heals it
    version = first_version(connection, zone.name) if before is None else before.version + decision.changed
    warnings = zone.warnings
    if seen.redirecting or zone.redirects:
        warnings += _neighbours.warnings_of(connection, zone)
    receipt = Receipt(
        change_id=origin.change_id,
        name=zone.name,
        version=version,
        kind=Kind.PUT,
        changed=decision.changed and free,
        serial=decision.serial,
        priority=decision.priority if decision.changed else push.priority,
        took_over=verdict.former,
        ignored=_why_held(seen.pinned, version),
        notices=verdict.notices,
        warnings=warnings,
    )
    if decision.changed:
        text = zone.text if decision.serial == zone.serial else with_serial(zone.text, decision.serial)
        _record(
            connection,
            receipt,
            origin,
            pushed_serial=zone.serial,
            records=zone.records,
            digest=zone.digest,
            challenge=zone.challenge,
            signed=zone.signed,
            owner=owner,
            now=now,
            warnings=warnings,
            redirects=_neighbours.redirects_of(zone),
            body=zlib.compress(text.encode("ascii"), COMPRESSION_LEVEL),
            keep_versions=keep_versions,
            backends=backends if free else (),
        )
    else:
        more = _of_owner(owner) | {
            "pushed_serial": zone.serial,
            "source": str(origin.source),
            "warnings": _told.of_warnings(warnings),
        }
        receipt = _repeat(connection, receipt, origin, more, keyed=bool(push.terms.key), now=now)
    return receipt


def _repeat(
    connection: sqlite3.Connection,
    receipt: Receipt,
    origin: Origin,
    more: dict[str, Any],
    *,
    keyed: bool,
    now: float,
) -> Receipt:
    """Only that it came: however often, it leaves no row of its own, unless somebody could ask for it by its id.

    Whoever is told an id is told that of the change which made the content, as long as that is not forgotten.
    """
    former = None
    if origin.source in ASKED_FOR and not keyed:
        former = connection.execute(_FORMER, (receipt.name,)).fetchone()
    if origin.source in ASKED_FOR and former is None:
        connection.execute(REPEAT, _of_change(receipt, origin, now) | more)
        return receipt
    connection.execute(TOUCH, {"zone": str(receipt.name), "now": now} | more)
    return receipt if former is None else replace(receipt, change_id=former[0])


def record_delete(
    connection: sqlite3.Connection, deletion: NewDeletion, *, backends: Sequence[str], now: float, keep_versions: int
) -> Receipt:
    """Record a tombstone, unless there is nothing to delete or it is not the asker's to delete. Raises OwnershipRefused."""
    name, origin = deletion.name, deletion.origin
    seen = look(connection, name)
    before, free = seen.current, seen.pinned is None
    there = seen.there
    verdict = ownership.judge(ownership.act_of(deletion), name, origin.owner, there, takeover="transfer")
    if isinstance(verdict, Refuse):
        raise OwnershipRefused(verdict.reason, rule=verdict.rule)
    if isinstance(verdict, GiveWay) and not deletion.gives_way:
        verdict = ownership.drop_all(there)
    receipt = Receipt(
        change_id=origin.change_id,
        name=name,
        version=before.version if before is not None else 0,
        kind=Kind.DELETE,
        changed=False,
        serial=before.serial if before else 0,  # kept, so that a zone made again the same day still moves forward
        priority=deletion.priority,
    )
    if isinstance(verdict, GiveWay):
        return replace(receipt, gives_way=verdict.digest)
    assert not isinstance(verdict, Hold)
    if verdict.drops:
        _held.drop(connection, name)
    receipt = replace(receipt, notices=verdict.notices)
    gone = seen.living
    if isinstance(verdict, Ignore) or gone is None:
        receipt = replace(receipt, ignored=verdict.reason if isinstance(verdict, Ignore) else "")
        # What changes nothing leaves no row, unless somebody could ask for it by its id.
        if origin.source in ASKED_FOR:
            record_change(connection, receipt, origin, now)
        return receipt
    version = gone.version + 1
    receipt = replace(
        receipt,
        version=version,
        changed=free,
        ignored=_why_held(seen.pinned, version),
        waits=not free,
    )
    _record(
        connection,
        receipt,
        origin,
        pushed_serial=gone.pushed_serial,
        records=0,
        digest=b"",
        challenge=b"",
        signed=False,
        owner=gone.owner,
        now=now,
        warnings=(),
        redirects="",
        body=None,
        keep_versions=keep_versions,
        backends=backends if free else (),
    )
    return receipt


def _why_held(pinned: int | None, version: int) -> str:
    """What the pusher of a pinned zone is told; empty when the pinned version is what was pushed."""
    if pinned is None or version == pinned:
        return ""
    return f"{BEHIND_PIN} {pinned}: recorded as version {version}, served when it is released"


def _record(
    connection: sqlite3.Connection,
    receipt: Receipt,
    origin: Origin,
    *,
    pushed_serial: int,
    records: int,
    digest: bytes,
    challenge: bytes,
    signed: bool,
    owner: Owner,
    now: float,
    warnings: Sequence[ZoneWarning],
    redirects: str,
    body: bytes | None,
    keep_versions: int,
    backends: Sequence[str],
) -> None:
    """The version of the receipt, the receipt, and deliveries to these backends (none while the zone is pinned)."""
    connection.execute(
        RECORD,
        _of_change(receipt, origin, now)
        | _of_owner(owner)
        | {
            "pushed_serial": pushed_serial,
            "records": records,
            "digest": digest,
            "challenge": challenge,
            "signed": int(signed),
            "source": str(origin.source),
            "warnings": _told.of_warnings(warnings),
            "redirects": redirects,
            "body": body,
            "keep": keep_versions,
            "backends": names_of(tuple(backends)),
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
