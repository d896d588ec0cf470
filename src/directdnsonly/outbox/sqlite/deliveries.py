"""SQL of dispatch: claim, settle, adopt, requeue. Writes run on the writer inside its transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from directdnsonly.errors import VersionDamaged
from directdnsonly.outbox.changes import Kind, Priority, Receipt
from directdnsonly.outbox.deliveries import Claim, Settle, Settlement
from directdnsonly.outbox.lifecycle import Event, State, moved, quoted, stands
from directdnsonly.outbox.sqlite import bodies
from directdnsonly.outbox.sqlite.triggers import STORM_PAUSE_S, make_view
from directdnsonly.zone.name import ZoneName

# What proof needs to know of a claim: the version proven before, and whether another that may be served has its serial.
# Between the two lie those that were applied and never proven. One step into an index for each, usually one.
_KNOWN = """
RETURNING zone, fence, attempts, wanted_at, change_id, applied_kind, want_version, verified_version,
          want_kind = 'put' AND EXISTS (
          SELECT 1 FROM wanted z WHERE z.zone = delivery.zone AND (z.serial = delivery.served_serial OR EXISTS (
                 SELECT 1 FROM version o WHERE o.zone = z.zone AND o.serial = z.serial
                    AND o.version >= delivery.verified_version AND o.version < z.version)))"""

# The index delivery_due(backend, priority, due_at) finds and orders the rows; nothing else is looked at.
_CLAIM = f"""
UPDATE delivery SET state = {moved(Event.CLAIM)}, fence = fence + 1, due_at = :lease_end
 WHERE backend = :backend AND zone IN (
       SELECT zone FROM delivery
        WHERE backend = :backend AND priority = :priority AND due_at <= :now
        ORDER BY due_at LIMIT :limit)
{_KNOWN}"""

# What was recorded in this very transaction. Neither a storm nor an attempt that runs is cut short by it.
_CLAIM_ONE = f"""
UPDATE delivery SET state = {moved(Event.CLAIM)}, fence = fence + 1, due_at = :lease_end
 WHERE backend = :backend AND zone = :zone AND state = {quoted(State.PENDING)} AND due_at <= :now
{_KNOWN}"""

_NEWEST = """
SELECT z.zone, z.version, z.kind, z.serial, z.records, v.body
  FROM wanted z LEFT JOIN version v ON v.zone = z.zone AND v.version = z.version
 WHERE z.zone IN (%s)"""

# In each: :version is what was applied; a newer wanted version makes the row due again at once (almost: see STORM_PAUSE_S).
_AFTER = f"CASE WHEN want_version > {{v}}version THEN {moved(Event.SUPERSEDE)} ELSE %s END"
# The ends of a batch come as one statement, whose trigger writes each (see triggers). In one UPDATE of them all SQLite
# would go through every zone of the backend.
_VERIFIED = f"""
UPDATE delivery SET
       state = {_AFTER % moved(Event.VERIFY)},
       due_at = CASE WHEN want_version > {{v}}version THEN {{v}}now + {STORM_PAUSE_S} ELSE NULL END,
       attempts = 0, reason = {{v}}reason, applied_version = {{v}}version, applied_kind = {{v}}kind, applied_at = {{v}}now,
       verified_version = {{v}}version, verified_at = {{v}}now, served_serial = {{v}}serial
 WHERE backend = {{v}}backend AND zone = {{v}}zone AND fence = {{v}}fence AND {stands(Event.VERIFY)}"""
_APPLIED = f"""
UPDATE delivery SET state = {moved(Event.APPLY)}, applied_version = {{v}}version, applied_kind = {{v}}kind,
       applied_at = {{v}}now, reason = {{v}}reason
 WHERE backend = {{v}}backend AND zone = {{v}}zone AND fence = {{v}}fence AND {stands(Event.APPLY)}"""
_ENDS = {Settle.VERIFIED: _VERIFIED, Settle.APPLIED: _APPLIED}
_SETTLE = """
INSERT INTO ended_%s (backend, now, zone, fence, version, kind, serial, reason)
SELECT :backend, :now, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]')
  FROM json_each(:ends)"""
_RETRY = f"""
UPDATE delivery SET
       state = {_AFTER.format(v=":") % moved(Event.RETRY)},
       due_at = CASE WHEN want_version > :version THEN :now + :pause ELSE :due_at END,
       attempts = CASE WHEN want_version > :version THEN 0 ELSE attempts + :burned END,
       reason = CASE WHEN want_version > :version THEN '' ELSE :reason END
 WHERE backend = :backend AND zone = :zone AND fence = :fence AND {stands(Event.RETRY)}
RETURNING want_version > :version"""
_BURY = f"""
UPDATE delivery SET
       state = {_AFTER.format(v=":") % moved(Event.BURY)},
       due_at = CASE WHEN want_version > :version THEN :now + :pause ELSE NULL END,
       attempts = CASE WHEN want_version > :version THEN 0 ELSE attempts + 1 END,
       reason = CASE WHEN want_version > :version THEN '' ELSE :reason END
 WHERE backend = :backend AND zone = :zone AND fence = :fence AND {stands(Event.BURY)}
RETURNING want_version > :version"""
REVIVE = f"""
UPDATE delivery INDEXED BY delivery_dead
   SET state = {moved(Event.REVIVE)}, priority = :priority, due_at = :now, attempts = 0, wanted_at = :now
 WHERE backend = :backend AND {stands(Event.REVIVE)} %s"""
_SOME = f"AND zone IN (SELECT zone FROM delivery WHERE backend = :backend AND {stands(Event.REVIVE)} LIMIT :limit)"
_INSERT_ATTEMPT = """
INSERT INTO attempt (backend, zone, version, state, attempt, reason, at, elapsed_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """A leased row before its newest version is read."""

    backend: str
    zone: str
    fence: int
    attempts: int
    wanted_at: float
    change_id: str
    known: bool
    priority: Priority
    want_version: int
    verified_version: int
    same_serial: bool


def prepare(connection: sqlite3.Connection) -> None:
    """Prepare the writing connection, once, after the migrations."""
    for how, sql in _ENDS.items():
        make_view(
            connection,
            f"ended_{how.name.lower()}",
            ["backend", "now", "zone", "fence", "version", "kind", "serial", "reason"],
            [sql],
        )


def statements() -> list[str]:
    """The statements inside the triggers, one by one, so that tests can check their query plans."""
    return [sql.format(v=":") for sql in _ENDS.values()]


def claim(
    connection: sqlite3.Connection, backend: str, *, limit: int, now: float, lease_s: float, lowest: Priority
) -> list[Leased]:
    """Lease due rows of the most urgent class that has any: a batch never mixes classes."""
    for priority in Priority:
        if priority > lowest:
            break
        rows = connection.execute(
            _CLAIM,
            {"backend": backend, "priority": int(priority), "now": now, "lease_end": now + lease_s, "limit": limit},
        ).fetchall()
        if rows:
            return [_leased(backend, priority, row) for row in rows]
    return []


def claim_recorded(
    connection: sqlite3.Connection, leases_s: Mapping[str, float], receipt: Receipt, *, now: float
) -> list[Claim]:
    """Lease a change to idle lanes in the transaction that records it, unless it is bulk or not yet due there."""
    if not receipt.changed or receipt.priority >= Priority.BULK:
        return []
    leased = []
    for backend, lease_s in leases_s.items():
        row = connection.execute(
            _CLAIM_ONE, {"backend": backend, "zone": receipt.name, "now": now, "lease_end": now + lease_s}
        ).fetchone()
        if row is not None:
            leased.append(_leased(backend, receipt.priority, row))
    return read_newest(connection, leased) if leased else []


def _leased(backend: str, priority: Priority, row: tuple[Any, ...]) -> Leased:
    zone, fence, attempts, wanted_at, change_id, applied_kind, want_version, verified_version, same_serial = row
    return Leased(
        backend=backend,
        zone=zone,
        fence=fence,
        attempts=attempts,
        wanted_at=wanted_at,
        change_id=change_id,
        known=applied_kind == Kind.PUT,
        priority=priority,
        want_version=want_version,
        verified_version=verified_version,
        same_serial=bool(same_serial),
    )


def read_newest(connection: sqlite3.Connection, leased: Sequence[Leased]) -> list[Claim]:
    """The claims with each zone's newest version, read when or after it was leased; a damaged one is marked so."""
    newest: dict[str, tuple[int, str, int, int, bytes | None]] = {}
    for start in range(0, len(leased), 500):
        names = [row.zone for row in leased[start : start + 500]]
        query = _NEWEST % ",".join("?" * len(names))
        newest.update((row[0], row[1:]) for row in connection.execute(query, names))
    claims = []
    for row in leased:
        lost = (row.want_version, Kind.PUT, 0, 0, None)  # the zone's own row is gone: no delete, but a damage
        version, kind, serial, records, body = newest.get(row.zone, lost)
        text, damaged = None, ""
        proven_before = version == row.verified_version
        if kind == Kind.PUT:
            try:
                text = bodies.read(connection, row.zone, version, body)
            except VersionDamaged as error:
                damaged = str(error)
        claims.append(
            Claim(
                backend=row.backend,
                name=ZoneName.trusted(row.zone),
                fence=row.fence,
                attempts=row.attempts,
                priority=row.priority,
                wanted_at=row.wanted_at,
                change_id=row.change_id,
                version=version,
                kind=Kind(kind),
                serial=serial,
                records=records,
                text=text,
                known=row.known,
                damaged=damaged,
                # Of one that came since the lease nobody has compared the serial.
                same_serial=not proven_before and (row.same_serial or version != row.want_version),
                proven_before=proven_before and kind == Kind.PUT,
            )
        )
    return claims


def settle(connection: sqlite3.Connection, settlements: Sequence[Settlement], *, now: float) -> list[str]:
    """Write the outcomes of attempts; returns their zones. A lost fence changes nothing."""
    good: dict[tuple[str, Settle], list[Settlement]] = {}
    for end in settlements:
        if end.how in _ENDS:
            good.setdefault((end.claim.backend, end.how), []).append(end)
    for (backend, how), ends in good.items():
        values = {"backend": backend, "now": now, "ends": json.dumps([_end(end) for end in ends])}
        connection.execute(_SETTLE % how.name.lower(), values)
    for end in settlements:
        if end.how not in _ENDS:
            _settle_bad(connection, end, now=now)
    return [end.claim.name for end in settlements]


def _end(end: Settlement) -> tuple[object, ...]:
    claim = end.claim
    return claim.name, claim.fence, claim.version, claim.kind, end.served_serial, end.reason[:500]


def _settle_bad(connection: sqlite3.Connection, end: Settlement, *, now: float) -> None:
    claim = end.claim
    facts = {
        "backend": claim.backend,
        "zone": claim.name,
        "fence": claim.fence,
        "version": claim.version,
        "now": now,
        "pause": STORM_PAUSE_S,
        "reason": end.reason[:500],
        "due_at": end.due_at if end.due_at is not None else now,
        "burned": int(end.how is Settle.RETRY),
    }
    row = connection.execute(_BURY if end.how is Settle.BURY else _RETRY, facts).fetchone()
    if row is None or end.how is Settle.DEFER:
        return
    state = State.SUPERSEDED if row[0] else State.DEAD if end.how is Settle.BURY else State.PENDING
    connection.execute(
        _INSERT_ATTEMPT,
        (claim.backend, claim.name, claim.version, state, claim.attempts + 1, end.reason[:500], now, end.elapsed_s),
    )


def requeue(
    connection: sqlite3.Connection,
    backend: str,
    names: Sequence[ZoneName],
    *,
    now: float,
    reason: str,
    versions: Sequence[int] | None = None,
) -> int:
    """Make verified or dead rows due again because of drift, after everything that people are waiting for.

    `versions`: one for each name; a row that wants another one by now is left alone.
    """
    changed = 0
    wanted: Sequence[int | None] = [None] * len(names) if versions is None else versions
    for name, version in zip(names, wanted, strict=True):
        changed += connection.execute(
            f"UPDATE delivery SET state = {moved(Event.DRIFT)}, priority = ?, due_at = ?, attempts = 0, wanted_at = ?,"
            f" reason = ? WHERE backend = ? AND zone = ? AND {stands(Event.DRIFT)} AND want_version = IFNULL(?, want_version)",
            (int(Priority.BULK), now, now, reason[:500], backend, name, version),
        ).rowcount
    return changed


def revive(connection: sqlite3.Connection, backends: Sequence[str], name: ZoneName | None, *, now: float) -> int:
    """Make dead rows due with all their attempts; a single zone is interactive, many are bulk. Keeps the reason."""
    where, priority = ("AND zone = :zone", Priority.INTERACTIVE) if name else ("", Priority.BULK)
    return sum(
        connection.execute(
            REVIVE % where, {"backend": backend, "zone": name, "now": now, "priority": int(priority)}
        ).rowcount
        for backend in backends
    )


def revive_some(connection: sqlite3.Connection, backend: str, *, limit: int, now: float) -> int:
    """As `revive`, for one backend, at most `limit` rows, as bulk."""
    values = {"backend": backend, "limit": limit, "now": now, "priority": int(Priority.BULK)}
    return connection.execute(REVIVE % _SOME, values).rowcount
