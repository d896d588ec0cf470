"""SQL of forgetting: history by age, in small steps so that no push waits for it."""

from __future__ import annotations

import sqlite3

STEP = 500


def prune(connection: sqlite3.Connection, *, before: float) -> int:
    """Remove one step of what is older than `before` (epoch seconds); how many rows. 0: nothing is left to do.

    The newest version of a zone is never removed; a tombstone only when every backend has proven the zone gone.
    """
    removed = connection.execute(
        "DELETE FROM version WHERE id IN (SELECT v.id FROM version v JOIN zone z ON z.zone = v.zone"
        " WHERE v.at < ? AND v.version < z.version LIMIT ?)",
        (before, STEP),
    ).rowcount
    for table in ("change", "attempt", "event"):
        key = "id"
        removed += connection.execute(
            f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE at < ? LIMIT ?)",
            (before, STEP),
        ).rowcount
    gone = connection.execute(
        "SELECT zone FROM zone WHERE kind = 'delete' AND changed_at < ?"
        " AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.zone = zone.zone AND d.state <> 'verified') LIMIT ?",
        (before, STEP),
    ).fetchall()
    for (zone,) in gone:
        for table in ("delivery", "version", "zone"):
            connection.execute(f"DELETE FROM {table} WHERE zone = ?", (zone,))
    connection.execute("PRAGMA incremental_vacuum(200)")
    return removed + len(gone)
