"""SQL of lost pushes: those that could not be recorded when they came."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from directdnsonly.outbox.changes import Kind, Owner
from directdnsonly.outbox.kept import LostPush
from directdnsonly.zone.name import ZoneName

KEEP: Final = 10_000  # zones

_ROW = "zone, kind, change_id, reason, credential, hostname, username, address, at"
_KEEP_NEWEST = f"""
INSERT INTO lost_push ({_ROW}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (zone) DO UPDATE SET kind = excluded.kind, change_id = excluded.change_id, reason = excluded.reason,
       credential = excluded.credential, hostname = excluded.hostname, username = excluded.username,
       address = excluded.address, at = excluded.at WHERE lost_push.at <= excluded.at"""
# Whatever is recorded of the zone later takes the row away (see standing). Here: it was committed after all, too late to be
# told so. A delete of what we do not hold has nothing to do.
_STANDS = """
       NOT EXISTS (SELECT 1 FROM change c WHERE c.id = lost_push.change_id)
   AND (lost_push.kind = 'put' OR EXISTS (SELECT 1 FROM zone z WHERE z.zone = lost_push.zone AND z.kind = 'put'))"""
# The same content again leaves no change of its own; what came much later came by another clock.
_TOO_LATE = """
EXISTS (SELECT 1 FROM zone z WHERE z.zone = lost_push.zone AND z.pushed_at > lost_push.at AND z.pushed_at < lost_push.at + 3600)"""
COUNT: Final = f"SELECT COUNT(*) FROM lost_push WHERE {_STANDS}"
NEWEST: Final = (
    f"SELECT {_ROW} FROM lost_push INDEXED BY lost_push_at WHERE {_STANDS} ORDER BY lost_push.at DESC LIMIT ?"
)
ONE: Final = f"SELECT {_ROW} FROM lost_push WHERE lost_push.zone = ? AND {_STANDS}"


def record(connection: sqlite3.Connection, lost: Sequence[LostPush], *, keep: int = KEEP) -> None:
    """Keep the newest of each zone, of `keep` zones at most; deletes those whose zone was recorded since."""
    connection.executemany(_KEEP_NEWEST, [_row_of(one) for one in lost])
    connection.execute(f"DELETE FROM lost_push WHERE NOT ({_STANDS}) OR {_TOO_LATE}")
    connection.execute(
        "DELETE FROM lost_push WHERE zone IN (SELECT zone FROM lost_push ORDER BY at DESC LIMIT -1 OFFSET ?)", (keep,)
    )


def newest(connection: sqlite3.Connection, limit: int) -> list[LostPush]:
    """Lost pushes whose zone was not recorded since, newest first."""
    return [_lost(row) for row in connection.execute(NEWEST, (limit,))]


def one(connection: sqlite3.Connection, name: ZoneName) -> LostPush | None:
    """The zone's newest lost push; None if the zone was recorded since."""
    row = connection.execute(ONE, (name,)).fetchone()
    return _lost(row) if row else None


def count(connection: sqlite3.Connection) -> int:
    """How many zones have a lost push and were not recorded since."""
    return int(connection.execute(COUNT).fetchone()[0])


def forget(connection: sqlite3.Connection, name: ZoneName | None) -> int:
    """Forget lost pushes of one zone, or all; returns how many."""
    if name is None:
        return connection.execute("DELETE FROM lost_push").rowcount
    return connection.execute("DELETE FROM lost_push WHERE zone = ?", (name,)).rowcount


def _row_of(one: LostPush) -> tuple[object, ...]:
    owner = one.owner
    who = (owner.credential, owner.hostname, owner.username)
    return (one.name, one.kind, one.change_id, one.reason[:2000], *who, one.address, one.at)


def _lost(row: tuple[Any, ...]) -> LostPush:
    return LostPush(
        name=ZoneName.trusted(row[0]),
        kind=Kind(row[1]),
        change_id=row[2],
        reason=row[3],
        owner=Owner(credential=row[4], hostname=row[5], username=row[6]),
        address=row[7],
        at=row[8],
    )
