"""SQL of what status, pages and metrics are told: everything that is counted, at one moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from directdnsonly.outbox.kept import Figures
from directdnsonly.outbox.sqlite import held, losses, tokens, view


def read(connection: sqlite3.Connection, backends: Sequence[str]) -> Figures:
    """A row, three small indexes and what waits for a person; in one transaction, so that all of it is of one moment."""
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
