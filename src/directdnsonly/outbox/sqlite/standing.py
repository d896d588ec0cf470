"""SQL of refusals that still stand: nothing of the zone was accepted since, in order of commits.

No clock decides: one that was ahead would hide every refusal until it is caught up with.
"""

from __future__ import annotations

import sqlite3

from directdnsonly.zone.name import ZoneName

_STANDS = """
INSERT INTO standing_refusal (zone, first_id, newest_id) VALUES (rtrim(lower(?1), '.'), ?2, ?2)
    ON CONFLICT (zone) DO UPDATE SET newest_id = excluded.newest_id"""


def refused(connection: sqlite3.Connection, name: str, number: int, *, oldest: int) -> None:
    """Mark refusal `number` as standing, and drop those older than `oldest`. `name`: as it was sent."""
    connection.execute(_STANDS, (name, number))
    connection.execute("DELETE FROM standing_refusal WHERE newest_id < ?", (oldest,))


def first(connection: sqlite3.Connection, name: ZoneName) -> int | None:
    """The number of the oldest standing refusal; None if there is none."""
    row = connection.execute("SELECT first_id FROM standing_refusal WHERE zone = ?", (name,)).fetchone()
    return None if row is None else int(row[0])
