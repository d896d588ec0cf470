"""SQL of backends that are no longer configured: what is kept for them, and dropping it.

It is kept because a backend may only be away for a while: when it comes back, what was deleted meanwhile is deleted
there, too. One that is gone for good keeps the tombstone of every zone that it served; only an operator knows that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

STEP = 500  # rows at once: pushes wait for a step

_KEPT = """
SELECT name, (SELECT COUNT(*) FROM delivery WHERE backend = name) FROM
       (SELECT name FROM backend UNION SELECT name FROM paused_backend) ORDER BY name"""


def kept(connection: sqlite3.Connection, configured: Collection[str]) -> dict[str, int]:
    """The unconfigured backends, with how many deliveries are kept for each (0: only a pause, or its name)."""
    return {name: count for name, count in connection.execute(_KEPT) if name not in configured}


def forget_step(connection: sqlite3.Connection, name: str) -> int:
    """Delete one batch of a backend's deliveries; returns how many. Its pause and name go with the last ones."""
    dropped = connection.execute(
        "DELETE FROM delivery WHERE backend = ?1 AND zone IN (SELECT zone FROM delivery WHERE backend = ?1 LIMIT ?2)",
        (name, STEP),
    ).rowcount
    if dropped < STEP:
        connection.execute("DELETE FROM paused_backend WHERE name = ?", (name,))
        connection.execute("DELETE FROM backend WHERE name = ?", (name,))
    return dropped
