"""SQL of history and queues: versions, attempts, outstanding and dead deliveries. Reads only."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from directdnsonly.outbox.changes import Kind, Owner, Source
from directdnsonly.outbox.deliveries import Attempt, Placement, PlacementPage
from directdnsonly.outbox.kept import PastVersion
from directdnsonly.outbox.lifecycle import State, quoted
from directdnsonly.outbox.sqlite import ids, told
from directdnsonly.outbox.sqlite.view import PLACEMENT, placement
from directdnsonly.zone.name import ZoneName

# Each is a walk along one index from where the last page ended; nothing is sorted.
OUTSTANDING = (
    PLACEMENT
    + "WHERE backend = :backend AND due_at IS NOT NULL AND (priority, due_at, zone) > (:priority, :due_at, :zone)"
    " ORDER BY priority, due_at, zone LIMIT :limit"
)
# The planner would walk the primary key, past every zone that is well: it does not know how rare the dead are.
DEAD = (
    PLACEMENT
    + f"INDEXED BY delivery_dead WHERE backend = :backend AND state = {quoted(State.DEAD)} AND zone > :zone ORDER BY zone LIMIT :limit"
)
VERSIONS = (
    "SELECT v.version, v.kind, v.serial, v.pushed_serial, v.records, v.credential, v.hostname, v.username, v.address, v.source,"
    "       v.change_id, v.at, v.warnings, COALESCE(z.stated, v.stated), v.digest"
    "  FROM version v LEFT JOIN zone z ON z.zone = v.zone AND z.version = v.version"
    " WHERE v.zone = ? AND v.version < ? ORDER BY v.version DESC LIMIT ?"
)
_NEVER = 2**62  # above any version and any id


def versions(connection: sqlite3.Connection, name: ZoneName, before: int | None, limit: int) -> list[PastVersion]:
    """The kept versions of a zone, newest first."""
    rows = connection.execute(VERSIONS, (name, before if before is not None else _NEVER, limit))
    return [_past_version(row) for row in rows]


def _past_version(row: tuple[Any, ...]) -> PastVersion:
    pusher = Owner(credential=row[5], hostname=row[6], username=row[7])
    return PastVersion(
        version=row[0],
        kind=Kind(row[1]),
        serial=row[2],
        pushed_serial=row[3],
        records=row[4],
        pusher=pusher,
        address=row[8],
        source=Source(row[9]),
        change_id=row[10],
        at=row[11],
        stated=ids.of_row(row[13], row[1], row[14], row[2], pusher, row[10]).hex(),
        warnings=told.warnings_in(row[12]),
    )


def attempts(connection: sqlite3.Connection, name: ZoneName, before: int | None, limit: int) -> list[Attempt]:
    """Failed attempts on a zone, newest first."""
    rows = connection.execute(
        "SELECT backend, version, state, attempt, reason, at, elapsed_s, id FROM attempt WHERE zone = ? AND id < ?"
        " ORDER BY id DESC LIMIT ?",
        (name, before if before is not None else _NEVER, limit),
    )
    return [
        Attempt(
            backend=row[0],
            version=row[1],
            state=State(row[2]),
            attempt=row[3],
            reason=row[4],
            at=row[5],
            elapsed_s=row[6],
            id=row[7],
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The cursor of a page: the delivery after which it begins. The defaults come before all."""

    backend: str = ""
    zone: str = ""
    priority: int = -1
    due_at: float = 0.0


def cursor_of(after: str) -> Cursor:
    """The cursor in a page's `next`: `backend/priority/due_at/zone`. Raises ValueError for an invalid cursor."""
    if not after:
        return Cursor()
    try:
        backend, priority, due_at, zone = after.split("/", 3)  # zone names may hold a slash, backends do not
        return Cursor(backend=backend, zone=zone, priority=int(priority), due_at=float(due_at))
    except ValueError:
        raise ValueError(f"{after[:80]!a} is not the `next` of a page") from None


def page(
    connection: sqlite3.Connection, query: str, backends: Sequence[str], after: Cursor, limit: int
) -> PlacementPage:
    """A page of OUTSTANDING or DEAD, backend by backend."""
    found: list[Placement] = []
    for backend in sorted(backends):
        if backend < after.backend or len(found) >= limit:
            continue
        begin = after if backend == after.backend else Cursor()
        facts = {
            "backend": backend,
            "zone": begin.zone,
            "priority": begin.priority,
            "due_at": begin.due_at,
            "limit": limit - len(found),
        }
        found += [placement(row) for row in connection.execute(query, facts)]
    if len(found) < limit:
        return PlacementPage(placements=tuple(found), next="")
    last = found[-1]
    position = f"{last.backend}/{int(last.priority)}/{last.due_at or 0.0!r}/{last.name}"
    return PlacementPage(placements=tuple(found), next=position)
