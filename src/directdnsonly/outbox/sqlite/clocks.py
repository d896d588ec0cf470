"""SQL of the trusted time (see `outbox.doubt`)."""

from __future__ import annotations

import sqlite3

from directdnsonly.outbox.doubt import Believed, judge


def believe(connection: sqlite3.Connection, *, now: float, ran_s: float) -> Believed:
    """Judge the clock by the time trusted `ran_s` seconds of running ago, and store the result."""
    row = connection.execute("SELECT at, ran_s FROM clock").fetchone()
    believed = judge(Believed(at=row[0], ran_s=row[1]), now=now, ran_s=ran_s) if row else Believed(at=now)
    connection.execute("INSERT OR REPLACE INTO clock VALUES (1, ?, ?)", (believed.at, believed.ran_s))
    return believed
