"""SQL of the time that is believed. See doubt."""

from __future__ import annotations

import sqlite3

from directdnsonly.outbox.doubt import Believed, judge


def believe(connection: sqlite3.Connection, *, now: float, ran_s: float) -> Believed:
    """Judge the clock by what was believed `ran_s` seconds of running ago, and write it down."""
    row = connection.execute("SELECT at, ran_s FROM clock").fetchone()
    believed = judge(Believed(at=row[0], ran_s=row[1]), now=now, ran_s=ran_s) if row else Believed(at=now)
    connection.execute("INSERT OR REPLACE INTO clock VALUES (1, ?, ?)", (believed.at, believed.ran_s))
    return believed
