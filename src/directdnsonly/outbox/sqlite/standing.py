"""SQL of what went wrong with a zone's pushes and still stands: nothing of the zone was accepted since, in the order of commits.

No clock decides: one that was ahead would hide every refusal until it is caught up with.
"""

from __future__ import annotations

import sqlite3

from directdnsonly.zone.name import ZoneName

_STANDS = """
INSERT INTO standing_refusal (zone, first_id, newest_id) VALUES (rtrim(lower(?1), '.'), ?2, ?2)
    ON CONFLICT (zone) DO UPDATE SET newest_id = excluded.newest_id"""


def refused(connection: sqlite3.Connection, name: str, number: int, *, oldest: int) -> None:
    """Refusal `number` stands from now on; those older than `oldest` are no longer kept. `name` as it was sent."""
    connection.execute(_STANDS, (name, number))
    connection.execute("DELETE FROM standing_refusal WHERE newest_id < ?", (oldest,))


def first(connection: sqlite3.Connection, name: ZoneName) -> int | None:
    """The number of the oldest refusal that stands; None: none does."""
    row = connection.execute("SELECT first_id FROM standing_refusal WHERE zone = ?", (name,)).fetchone()
    return None if row is None else int(row[0])
