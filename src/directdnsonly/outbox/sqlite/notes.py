"""SQL of writing refused pushes and audit events, on the writer inside its transaction."""

from __future__ import annotations

import sqlite3
import zlib

from directdnsonly.outbox.kept import Event, Refused
from directdnsonly.outbox.sqlite import standing, told

KEEP_REFUSED = 10_000
KEEP_BODIES = 1000  # of these; what was sent is the large part
KEEP_BODY_BYTES = 64 * 1024


def record_refused(connection: sqlite3.Connection, refused: Refused) -> None:
    """Keep a refusal; only the newest are kept, and of these only the newest with the beginning of their body."""
    owner = refused.owner
    row = connection.execute(
        "INSERT INTO refused (change_id, name, rule, reason, credential, hostname, username, address, at, body,"
        " faults) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            refused.change_id,
            refused.name[:300],
            refused.rule,
            refused.reason[:2000],
            owner.credential,
            owner.hostname,
            owner.username,
            refused.address,
            refused.at,
            zlib.compress(refused.body[:KEEP_BODY_BYTES]),
            told.of_faults(refused.faults),
        ),
    ).fetchone()
    connection.execute("UPDATE refused SET body = x'' WHERE id = ?", (row[0] - KEEP_BODIES,))
    connection.execute("DELETE FROM refused WHERE id <= ?", (row[0] - KEEP_REFUSED,))
    standing.refused(connection, refused.name[:300], row[0], oldest=row[0] - KEEP_REFUSED + 1)


def record_event(connection: sqlite3.Connection, event: Event) -> None:
    """Keep an audit event."""
    connection.execute(
        "INSERT INTO event (at, event, zone, actor, address, detail) VALUES (?, ?, ?, ?, ?, ?)",
        (event.at, event.event, event.zone, event.actor, event.address, event.detail[:2000]),
    )
