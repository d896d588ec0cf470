"""SQL for operators: filtered lists of zones, and redelivery."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.kept import ZoneSummary
from directdnsonly.outbox.lifecycle import Event, State, moved, quoted, stands
from directdnsonly.outbox.operators import ZoneFilter
from directdnsonly.outbox.sqlite.view import SUMMARY, summary_of
from directdnsonly.zone.name import ZoneName


def listed(
    connection: sqlite3.Connection, wanted: ZoneFilter, after: str, limit: int, backends: Sequence[str]
) -> list[ZoneSummary]:
    """Existing zones in order of name, a page after `after`."""
    where, values = ["kind = 'put'", "zone > ?"], [after]
    if wanted.search:
        where.append("instr(zone, ?) > 0")
        values.append(wanted.search.lower())
    if wanted.owner:
        where.append("(hostname = ? OR credential = ? OR username = ?)")
        values += [wanted.owner] * 3
    if wanted.state or wanted.backend:
        among = [wanted.backend] if wanted.backend else list(backends)
        placed = f"d.zone = wanted.zone AND d.backend IN ({','.join('?' * len(among))})"
        values += among
        if wanted.state:
            placed += " AND d.state = ?"
            values.append(wanted.state)
        where.append(f"EXISTS (SELECT 1 FROM delivery d WHERE {placed})")
    query = f"{SUMMARY}WHERE {' AND '.join(where)} ORDER BY zone LIMIT ?"
    return [summary_of(row) for row in connection.execute(query, (*values, limit))]


def redeliver(
    connection: sqlite3.Connection, name: ZoneName, backends: Sequence[str], *, now: float, reason: str
) -> int:
    """Make a zone's deliveries due now unless they are in progress; returns how many."""
    marks = ",".join("?" * len(backends))
    return connection.execute(
        f"UPDATE delivery SET state = {moved(Event.REDELIVER)}, priority = MIN(priority, {Priority.INTERACTIVE:d}),"
        " due_at = ?, attempts = 0, wanted_at ="
        f" CASE state WHEN {quoted(State.PENDING)} THEN wanted_at ELSE ? END, reason = ? WHERE zone = ? AND backend IN ({marks})"
        f" AND {stands(Event.REDELIVER)}",
        (now, now, reason[:500], name, *backends),
    ).rowcount
