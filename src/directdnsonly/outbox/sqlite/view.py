"""SQL for showing data: everything here only reads, on a reading connection."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from directdnsonly.outbox.changes import Kind, Owner, Priority, Receipt, Source
from directdnsonly.outbox.deliveries import Backlog, Claim, Placement
from directdnsonly.outbox.kept import Event, Refused, ZoneSummary
from directdnsonly.outbox.lifecycle import State, quoted
from directdnsonly.outbox.sqlite import bodies, ids, told
from directdnsonly.zone.name import ZoneName

SUMMARY = """
SELECT zone, version, kind, serial, pushed_serial, records, digest, signed, credential, hostname, username, source,
       change_id, pushed_at, changed_at, warnings, stated
  FROM wanted """


def summary_of(row: tuple[Any, ...]) -> ZoneSummary:
    """The ZoneSummary in a row of SUMMARY."""
    owner = Owner(credential=row[8], hostname=row[9], username=row[10])
    return ZoneSummary(
        name=ZoneName.trusted(row[0]),
        version=row[1],
        kind=Kind(row[2]),
        serial=row[3],
        pushed_serial=row[4],
        records=row[5],
        digest=row[6].hex(),
        signed=bool(row[7]),
        owner=owner,
        source=Source(row[11]),
        change_id=row[12],
        pushed_at=row[13],
        changed_at=row[14],
        warnings=told.warnings_in(row[15]),
        stated=ids.of_row(row[16], row[2], row[6], row[3], owner, row[12]).hex(),
    )


def find_held(connection: sqlite3.Connection, names: Sequence[ZoneName]) -> ZoneSummary | None:
    """The first of `names` that is an existing zone; None if none is."""
    query = SUMMARY + "WHERE kind = 'put' AND zone IN (" + ",".join("?" * len(names)) + ")"
    found = {row[0]: row for row in connection.execute(query, names)}
    return next((summary_of(found[name]) for name in names if name in found), None)


def zones(connection: sqlite3.Connection, after: str, limit: int, search: str) -> list[ZoneSummary]:
    """Existing zones in order of name, a page after `after`."""
    where, parameters = "WHERE kind = 'put' AND zone > ?", [after, limit]
    if search:
        where += " AND instr(zone, ?) > 0"
        parameters.insert(1, search.lower())
    return [summary_of(row) for row in connection.execute(SUMMARY + where + " ORDER BY zone LIMIT ?", parameters)]


def zone(connection: sqlite3.Connection, name: ZoneName) -> ZoneSummary | None:
    """The zone or tombstone of this name; None if it is unknown."""
    row = connection.execute(SUMMARY + "WHERE zone = ?", (name,)).fetchone()
    return summary_of(row) if row else None


def text(connection: sqlite3.Connection, name: ZoneName, version: int | None) -> str | None:
    """The text of one version; None if it is a deletion or not kept. Raises VersionDamaged."""
    row = connection.execute(
        "SELECT version, kind, body FROM version WHERE zone = ?1"
        " AND version = COALESCE(?2, (SELECT version FROM wanted WHERE zone = ?1))",
        (name, version),
    ).fetchone()
    if row is not None:
        return bodies.read(connection, name, row[0], row[2]) if row[1] == Kind.PUT else None
    wanted = connection.execute("SELECT version, kind FROM wanted WHERE zone = ?", (name,)).fetchone()
    if wanted is not None and wanted[1] == Kind.PUT and version in (None, wanted[0]):
        raise bodies.damaged(connection, name, wanted[0], "it does not exist")  # the wanted version is always kept
    return None


def proven_text(connection: sqlite3.Connection, backend: str, name: ZoneName) -> str | None:
    """The text of the version last proven on the backend; None if it is not kept, or damaged."""
    row = connection.execute(
        "SELECT v.body FROM delivery d JOIN version v ON v.zone = d.zone AND v.version = d.verified_version"
        " WHERE d.backend = ? AND d.zone = ?",
        (backend, name),
    ).fetchone()
    try:
        return bodies.text_of(row[0]) if row and row[0] is not None else None
    except ValueError:
        return None  # only what is wanted must be whole


PLACEMENT = """
SELECT backend, zone, want_version, want_kind, state, priority, due_at, attempts, applied_version, verified_version,
       verified_at, served_serial, reason
  FROM delivery """


def placements(connection: sqlite3.Connection, name: ZoneName, backends: Sequence[str]) -> list[Placement]:
    """The zone on each active backend."""
    rows = connection.execute(PLACEMENT + "WHERE zone = ? ORDER BY backend", (name,))
    return [placement(row) for row in rows if row[0] in backends]


def placement(row: tuple[Any, ...]) -> Placement:
    """The Placement in a row of PLACEMENT."""
    return Placement(
        backend=row[0],
        name=ZoneName.trusted(row[1]),
        want_version=row[2],
        want_kind=Kind(row[3]),
        state=State(row[4]),
        priority=Priority(row[5]),
        due_at=row[6],
        attempts=row[7],
        applied_version=row[8],
        verified_version=row[9],
        verified_at=row[10],
        served_serial=row[11],
        reason=row[12],
    )


def receipt(connection: sqlite3.Connection, change_id: str) -> Receipt | None:
    """The receipt of an accepted push; None if it is unknown."""
    row = connection.execute(
        "SELECT c.id, c.zone, c.version, c.kind, c.changed, c.serial, c.priority, c.ignored, v.warnings, v.stated FROM change c"
        " LEFT JOIN version v ON v.zone = c.zone AND v.version = c.version WHERE c.id = ?",
        (change_id,),
    ).fetchone()
    if row is None:
        return None
    return Receipt(
        change_id=row[0],
        name=ZoneName.trusted(row[1]),
        version=row[2],
        kind=Kind(row[3]),
        changed=bool(row[4]),
        serial=row[5],
        priority=Priority(row[6]),
        ignored=row[7],
        warnings=told.warnings_in(row[8] or ""),
        stated=(row[9] or b"").hex(),
    )


# The triggers count newest versions. What a pin holds is served also when it was deleted since; few zones are pinned.
COUNT_ZONES = "SELECT living + (SELECT COUNT(*) FROM pin p CROSS JOIN zone z ON z.zone = p.zone WHERE z.kind = 'delete') FROM zone_count"
# Nothing is looked at but the index of due work (migrations 0006, 0012).
BACKLOG = (
    f"SELECT COUNT(*), COALESCE(SUM(state = {quoted(State.PENDING)}), 0), MIN(wanted_at), COALESCE(SUM(want_kind = 'put'), 0)"
    " FROM delivery INDEXED BY delivery_due WHERE backend = ? AND due_at IS NOT NULL"
)
COUNT_DUE = "SELECT COUNT(*) FROM delivery INDEXED BY delivery_due WHERE due_at IS NOT NULL"
NEXT_DUE = "SELECT MIN(due_at) FROM delivery WHERE backend = ? AND priority = ? AND due_at IS NOT NULL"
DEAD_OF_EACH = f"SELECT backend, COUNT(*), SUM(want_kind = 'put') FROM delivery WHERE state = {quoted(State.DEAD)} GROUP BY backend"


def backlog(connection: sqlite3.Connection, backends: Sequence[str]) -> list[Backlog]:
    """Outstanding work by backend, in one transaction; reads only outstanding and dead rows, by index.

    A living zone has one delivery on each of them: what is neither due nor dead is proven.
    """
    zones = count_zones(connection)
    dead = {name: (number, puts) for name, number, puts in connection.execute(DEAD_OF_EACH)}
    found = []
    for name in backends:
        due, pending, oldest, due_puts = connection.execute(BACKLOG, (name,)).fetchone()
        dead_here, dead_puts = dead.get(name, (0, 0))
        found.append(
            Backlog(
                backend=name,
                pending=pending,
                leased=due - pending,
                dead=dead_here,
                oldest_wanted_at=oldest,
                proven=zones - due_puts - dead_puts,
            )
        )
    return found


def count_zones(connection: sqlite3.Connection) -> int:
    """The number of existing zones: those of which some content is wanted."""
    return int(connection.execute(COUNT_ZONES).fetchone()[0])


def next_due_at(connection: sqlite3.Connection, backend: str) -> float | None:
    """The earliest due time of all priorities, by three index look-ups; None if nothing is outstanding."""
    found = [connection.execute(NEXT_DUE, (backend, int(priority))).fetchone()[0] for priority in Priority]
    return min((due_at for due_at in found if due_at is not None), default=None)


def wanted_page(
    connection: sqlite3.Connection, backend: str, after: str, page: int, *, texts: bool = False
) -> list[Claim]:
    """A page of zones that the backend has proven and should serve. `texts`: with their texts."""
    body, join = (
        ("v.body", "LEFT JOIN version v ON v.zone = d.zone AND v.version = z.version") if texts else ("NULL", "")
    )
    rows = connection.execute(
        f"SELECT d.zone, d.verified_version, z.serial, z.records, d.change_id, {body} FROM delivery d JOIN wanted z ON z.zone = d.zone"
        f" {join} WHERE d.backend = ? AND d.zone > ? AND d.state = {quoted(State.VERIFIED)} AND d.want_kind = 'put'"
        "   AND z.version = d.verified_version ORDER BY d.zone LIMIT ?",
        (backend, after, page),
    )
    return [
        Claim(
            backend=backend,
            name=ZoneName.trusted(name),
            fence=0,
            attempts=0,
            priority=Priority.BULK,
            wanted_at=0.0,
            change_id=change_id,
            version=version,
            kind=Kind.PUT,
            serial=serial,
            records=records,
            text=bodies.text_if_whole(packed) if texts else None,
            known=True,
        )
        for name, version, serial, records, change_id, packed in rows
    ]


def wanted_versions(connection: sqlite3.Connection, backend: str, names: Sequence[ZoneName]) -> dict[ZoneName, int]:
    """Of these zones, those that should be served on the backend, each with the version that should be."""
    rows = connection.execute(
        "SELECT d.zone, d.want_version FROM json_each(?) CROSS JOIN delivery d ON d.backend = ? AND d.zone = json_each.value"
        " WHERE d.want_kind = 'put'",
        (json.dumps(list(names)), backend),
    )
    return {ZoneName.trusted(name): version for name, version in rows}


_NEVER = 2**62  # above any id
REFUSED_NAME = "rtrim(lower(name), '.')"  # however its letters were sent
REFUSED_SERVER = "COALESCE(NULLIF(hostname, ''), credential)"


def refused(
    connection: sqlite3.Connection, limit: int, wanted: Mapping[str, str], *, before: int | None = None, bodies: bool
) -> list[Refused]:
    """Refused pushes, newest first; `body` is empty if it is damaged or was not requested.

    `wanted`: the value of REFUSED_NAME, REFUSED_SERVER, `rule`; empty: any. Each is found by an index of its own.
    """
    where, values = _where(wanted, before)
    rows = connection.execute(
        "SELECT id, change_id, name, rule, reason, credential, hostname, username, address, at,"
        f" {'body' if bodies else 'NULL'}, faults FROM refused {where} ORDER BY id DESC LIMIT ?",
        (*values, limit),
    )
    return [
        Refused(
            id=row[0],
            change_id=row[1],
            name=row[2],
            rule=row[3],
            reason=row[4],
            owner=Owner(credential=row[5], hostname=row[6], username=row[7]),
            address=row[8],
            at=row[9],
            body=_octets_or_none(row[10]),
            faults=told.faults_in(row[11], rule=row[3], reason=row[4]),
        )
        for row in rows
    ]


def _octets_or_none(body: object) -> bytes:
    if body is None:
        return b""
    try:
        return bodies.octets_of(body)
    except ValueError:
        return b""


def events(
    connection: sqlite3.Connection,
    limit: int,
    wanted: Mapping[str, str],
    *,
    since: float | None = None,
    before: int | None = None,
) -> list[Event]:
    """Audit events, newest first. `wanted`: values of `zone`, `event`, `actor`; empty: any. Each has an index."""
    where, values = _where(wanted, before)
    if since is not None:  # ids follow the time, but for a clock that was set back
        where += " AND id >= (SELECT MIN(id) FROM event WHERE at >= ?) AND at >= ?"
        values += [since, since]
    rows = connection.execute(
        f"SELECT id, at, event, zone, actor, address, detail FROM event {where} ORDER BY id DESC LIMIT ?",
        (*values, limit),
    )
    return [
        Event(id=row[0], at=row[1], event=row[2], zone=row[3], actor=row[4], address=row[5], detail=row[6])
        for row in rows
    ]


def _where(wanted: Mapping[str, str], before: int | None) -> tuple[str, list[object]]:
    """The WHERE clause for the given values and for ids below the cursor."""
    given = {column: value for column, value in wanted.items() if value}
    terms = ["id < ?", *(f"{column} = ?" for column in given)]
    return f"WHERE {' AND '.join(terms)}", [_NEVER if before is None else before, *given.values()]
