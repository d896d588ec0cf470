"""SQL of reconciliation. Changes of zones are compare-and-set: a newer push always wins over a plan."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from directdnsonly.outbox.changes import Kind, Owner, Source
from directdnsonly.outbox.drift import Baseline, Held, Pass, Sighting, SightingState
from directdnsonly.outbox.peering import Matter
from directdnsonly.outbox.sqlite import bodies, decisions
from directdnsonly.zone.name import ZoneName

_SIGHTING = "zone, version, server, absences, first_at, last_at, state, quarantined_at, plan, approved"
NAMES_AT_ONCE = 500


def held_page(connection: sqlite3.Connection, after: str, limit: int) -> list[Held]:
    """Zones and tombstones in order of name."""
    rows = connection.execute(
        "SELECT zone, version, kind, serial, pushed_serial, credential, hostname, username, source, pushed_at FROM zone"
        " WHERE zone > ? ORDER BY zone LIMIT ?",
        (after, limit),
    )
    return [_row(row) for row in rows]


def held(connection: sqlite3.Connection, names: Sequence[ZoneName]) -> list[Held]:
    """Those of the given zones that exist or have a tombstone."""
    found: list[Held] = []
    for start in range(0, len(names), NAMES_AT_ONCE):
        part = names[start : start + NAMES_AT_ONCE]
        rows = connection.execute(
            "SELECT zone, version, kind, serial, pushed_serial, credential, hostname, username, source, pushed_at"
            f" FROM zone WHERE zone IN ({','.join('?' * len(part))})",
            part,
        )
        found += [_row(row) for row in rows]
    return found


def _row(row: tuple[Any, ...]) -> Held:
    name, version, kind, serial, pushed_serial, credential, hostname, username, source, pushed_at = row
    return Held(
        name=ZoneName.trusted(name),
        version=version,
        kind=Kind(kind),
        serial=serial,
        pushed_serial=pushed_serial,
        owner=Owner(credential=credential, hostname=hostname, username=username),
        source=Source(source),
        pushed_at=pushed_at,
    )


def not_ours(
    connection: sqlite3.Connection, backend: str, names: Sequence[ZoneName]
) -> tuple[list[ZoneName], list[ZoneName]]:
    """Of a backend's zones, those unknown to the store, and those that we have already deleted there."""
    living: set[str] = set()
    deleted: set[str] = set()
    for start in range(0, len(names), NAMES_AT_ONCE):
        part = names[start : start + NAMES_AT_ONCE]
        marks = ",".join("?" * len(part))
        # What is about to be done there counts as known.
        busy = f"SELECT zone FROM delivery WHERE backend = ? AND due_at IS NOT NULL AND zone IN ({marks})"
        living |= {row[0] for row in connection.execute(busy, (backend, *part))}
        for zone, kind, state in connection.execute(
            "SELECT z.zone, z.kind, d.state FROM wanted z LEFT JOIN delivery d ON d.zone = z.zone AND d.backend = ?"
            f" WHERE z.zone IN ({marks})",
            (backend, *part),
        ):
            if kind == Kind.PUT:
                living.add(zone)
            elif state is not None:
                deleted.add(zone)
    deleted -= living
    return [name for name in names if name not in living | deleted], [name for name in names if name in deleted]


def sightings(connection: sqlite3.Connection, *, after: str = "", limit: int | None = None) -> list[Sighting]:
    """Sightings after `after`, in order of name; `limit` None: all."""
    rows = connection.execute(
        f"SELECT {_SIGHTING} FROM sighting WHERE zone > ? ORDER BY zone LIMIT ?",
        (after, -1 if limit is None else limit),
    )
    return [_sighting(row) for row in rows]


def sighting_of(connection: sqlite3.Connection, name: ZoneName) -> Sighting | None:
    """The zone's sighting; None if it is not watched."""
    row = connection.execute(f"SELECT {_SIGHTING} FROM sighting WHERE zone = ?", (name,)).fetchone()
    return _sighting(row) if row else None


def _sighting(row: tuple[Any, ...]) -> Sighting:
    return Sighting(
        name=ZoneName.trusted(row[0]),
        version=row[1],
        server=row[2],
        absences=row[3],
        first_at=row[4],
        last_at=row[5],
        state=SightingState(row[6]),
        quarantined_at=row[7],
        plan=row[8],
        approved=bool(row[9]),
    )


def save_sightings(connection: sqlite3.Connection, seen: Sequence[Sighting], over: Sequence[ZoneName]) -> None:
    """Write sightings and delete finished ones; an operator's decision made meanwhile is kept."""
    connection.executemany(
        f"INSERT INTO sighting ({_SIGHTING}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (zone) DO UPDATE SET version = excluded.version, server = excluded.server,"
        " absences = excluded.absences, first_at = excluded.first_at, last_at = excluded.last_at,"
        " quarantined_at = excluded.quarantined_at, plan = excluded.plan,"
        " state = CASE WHEN sighting.state = 'kept' AND sighting.version = excluded.version THEN 'kept'"
        "              ELSE excluded.state END,"
        " approved = CASE WHEN sighting.version = excluded.version AND sighting.first_at = excluded.first_at"
        " THEN MAX(sighting.approved, excluded.approved) ELSE excluded.approved END",
        [
            (
                one.name,
                one.version,
                one.server,
                one.absences,
                one.first_at,
                one.last_at,
                one.state,
                one.quarantined_at,
                one.plan,
                one.approved,
            )
            for one in seen
        ],
    )
    connection.executemany("DELETE FROM sighting WHERE zone = ?", [(name,) for name in over])
    decisions.end_keeps(connection)


def approve(connection: sqlite3.Connection, plan: str) -> int:
    """Approve exactly the deletions of this plan; returns how many zones."""
    return connection.execute("UPDATE sighting SET approved = 1 WHERE plan = ? AND state <> 'kept'", (plan,)).rowcount


def keep(connection: sqlite3.Connection, name: ZoneName, now: float) -> bool:
    """Keep a zone that its server no longer lists; returns whether we hold it."""
    row = connection.execute("SELECT version, hostname FROM zone WHERE zone = ? AND kind = 'put'", (name,)).fetchone()
    if row is None:
        return False
    before = [one for one in sightings(connection) if one.name == name]
    fresh = Sighting(name=name, version=row[0], server=row[1], absences=1, first_at=now, last_at=now)
    seen = replace(before[0] if before else fresh, state=SightingState.KEPT, version=row[0], plan="", approved=False)
    connection.execute("DELETE FROM sighting WHERE zone = ?", (name,))
    save_sightings(connection, [seen], [])
    if not before or before[0].state is not SightingState.KEPT:
        decisions.begin(connection, name, Matter.KEEP)
    return True


def drop(connection: sqlite3.Connection, name: ZoneName) -> int:
    """Watch the zone no longer, in whatever state it is."""
    decisions.end(connection, name, Matter.KEEP)
    return connection.execute("DELETE FROM sighting WHERE zone = ?", (name,)).rowcount


def unkeep(connection: sqlite3.Connection, name: ZoneName) -> int:
    """Judge the zone again by its server's lists."""
    decisions.end(connection, name, Matter.KEEP)
    return connection.execute("DELETE FROM sighting WHERE zone = ? AND state = 'kept'", (name,)).rowcount


def baselines(connection: sqlite3.Connection) -> list[Baseline]:
    """The last complete list of each server."""
    rows = connection.execute("SELECT server, zones, listed_at, accepted, vouched FROM da_list")
    return [
        Baseline(server=row[0], zones=row[1], listed_at=row[2], accepted=bool(row[3]), vouched=row[4]) for row in rows
    ]


def save_baseline(connection: sqlite3.Connection, baseline: Baseline) -> None:
    """Store a server's complete list, or that an operator accepts its next one."""
    connection.execute(
        "INSERT INTO da_list (server, zones, listed_at, accepted, vouched) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (server) DO UPDATE SET"
        " zones = excluded.zones, listed_at = excluded.listed_at, accepted = excluded.accepted, vouched = excluded.vouched",
        (baseline.server, baseline.zones, baseline.listed_at, baseline.accepted, baseline.vouched),
    )


def save_pass(connection: sqlite3.Connection, one: Pass, keep_passes: int) -> int:
    """Store a pass, keeping only the newest ones; returns its number."""
    row = connection.execute(
        "INSERT INTO reconcile_pass (started_at, ended_at, dry_run, report) VALUES (?, ?, ?, ?) RETURNING id",
        (one.started_at, one.ended_at, one.dry_run, zlib.compress(one.report.encode())),
    ).fetchone()
    connection.execute("DELETE FROM reconcile_pass WHERE id <= ?", (row[0] - keep_passes,))
    return int(row[0])


def passes(connection: sqlite3.Connection, limit: int) -> list[Pass]:
    """The most recent passes, newest first, without those whose report is damaged."""
    rows = connection.execute(
        "SELECT id, started_at, ended_at, dry_run, report FROM reconcile_pass ORDER BY id DESC LIMIT ?", (limit,)
    )
    found = []
    for number, started_at, ended_at, dry_run, body in rows:
        try:
            report = bodies.octets_of(body).decode()
        except ValueError:
            continue
        found.append(Pass(id=number, started_at=started_at, ended_at=ended_at, dry_run=bool(dry_run), report=report))
    return found
