"""SQL of the figures for status, pages and metrics, all of one moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from directdnsonly.outbox.kept import Figures
from directdnsonly.outbox.sqlite import held, losses, tokens, view


def read(connection: sqlite3.Connection, backends: Sequence[str]) -> Figures:
    """Read the figures from one row, three small indexes and what waits for a person, in one transaction."""
    connection.execute("BEGIN")
    try:
        count, since = held.count(connection)
        return Figures(
            zones=view.count_zones(connection),
            backlog=tuple(view.backlog(connection, backends)),
            pauses=tokens.pauses(connection),
            held=count,
            held_since=since,
            lost=losses.count(connection),
            lost_newest=next(iter(losses.newest(connection, 1)), None),
        )
    finally:
        connection.execute("COMMIT")
