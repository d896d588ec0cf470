"""SQL of deleting old history, in small steps so that no push waits for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from directdnsonly.outbox.lifecycle import State, quoted
from directdnsonly.outbox.sqlite import buckets, compared, decisions

STEP = 500

_FORGETTABLE = f"""
SELECT zone, version FROM zone
 WHERE kind = 'delete' AND changed_at < ? AND NOT EXISTS (
       SELECT 1 FROM delivery d WHERE d.zone = zone.zone AND (d.state <> {quoted(State.VERIFIED)} OR d.want_kind <> 'delete'))
   AND NOT EXISTS (SELECT 1 FROM pin p WHERE p.zone = zone.zone)
   AND NOT EXISTS (SELECT 1 FROM version v WHERE v.zone = zone.zone AND v.id > ?)
 LIMIT ?"""


_FORGET = """
UPDATE version_floor SET version = MAX(version, ?1),
       forgotten = MAX(forgotten, (SELECT COALESCE(MAX(id), 0) FROM version WHERE zone = ?2))"""

# The number of the newest row of all would be given again, and peers go by it: the row stays, as nobody's.
_KEEP_NUMBER = (
    "UPDATE version SET zone = '', version = id, stated = x'' WHERE zone = ? AND id = (SELECT MAX(id) FROM version)"
)
_DROP_KEPT = "DELETE FROM version WHERE zone = '' AND id < (SELECT MAX(id) FROM version)"


def prune(connection: sqlite3.Connection, *, before: float, peers: Sequence[str] = (), compares: bool = False) -> int:
    """Delete one batch of rows older than `before` (epoch seconds); returns how many, 0 when done.

    First of all every zone is made comparable where a peer came, or none any more where the last one went.

    The newest version of a zone is never removed, nor the one that it is pinned at; a tombstone only when every backend that had the zone, also
    one that is away, has proven it gone, and every peer has seen it. Its number is never given again: the floor of all numbers rises to it.
    """
    if walked := buckets.step(connection, compares=compares):
        return walked
    removed = connection.execute(
        "DELETE FROM version WHERE id IN (SELECT v.id FROM version v JOIN zone z ON z.zone = v.zone"
        " WHERE v.at < ? AND v.version < z.version"
        " AND NOT EXISTS (SELECT 1 FROM pin p WHERE p.zone = v.zone AND p.version = v.version) LIMIT ?)",
        (before, STEP),
    ).rowcount
    for table in ("change", "attempt", "event"):
        key = "id"
        removed += connection.execute(
            f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE at < ? LIMIT ?)",
            (before, STEP),
        ).rowcount
    removed += connection.execute(
        "DELETE FROM lost_push WHERE zone IN (SELECT zone FROM lost_push WHERE at < ? LIMIT ?)", (before, STEP)
    ).rowcount
    seen = compared.seen_by_all(connection, peers)
    gone = connection.execute(_FORGETTABLE, (before, seen, STEP)).fetchall()
    for zone, version in gone:
        connection.execute(_FORGET, (version, zone))
        connection.execute(_KEEP_NUMBER, (zone,))
        for table in ("delivery", "version", "zone"):
            connection.execute(f"DELETE FROM {table} WHERE zone = ?", (zone,))
    connection.execute(_DROP_KEPT)
    decisions.forget(connection)
    connection.execute("PRAGMA incremental_vacuum(200)")
    return removed + len(gone)
