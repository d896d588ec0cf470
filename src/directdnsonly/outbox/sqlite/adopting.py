"""SQL of backends that come and go: which are active, and what a new one is to be given."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.lifecycle import BEGINS, Event, moved, quoted, stands

BEHIND_ALL: Final = "\U0010ffff"  # no name is greater
STEP: Final = 1000  # zones at once: pushes wait for a step


def adopt(connection: sqlite3.Connection, backends: Sequence[str], *, now: float, latest_due_at: float) -> None:
    """At start: release the leases of a dead process, and give each backend a delivery of every zone.

    When the clock was set back while we were down, waiting times go on as they were; and no due time is further away
    than any backoff reaches.
    """
    set_back_s = _newest_at(connection) - now
    if set_back_s > 0:
        connection.execute("UPDATE delivery SET due_at = due_at - ? WHERE due_at IS NOT NULL", (set_back_s,))
    connection.execute(
        f"UPDATE delivery SET state = {moved(Event.LOSE_LEASE)}, due_at = ?"
        f" WHERE due_at IS NOT NULL AND {stands(Event.LOSE_LEASE)}",
        (now,),
    )
    connection.execute(
        "UPDATE delivery SET due_at = ? WHERE due_at IS NOT NULL AND due_at > ?", (latest_due_at, latest_due_at)
    )
    choose(connection, backends, now=now)


def choose(connection: sqlite3.Connection, backends: Sequence[str], *, now: float) -> None:
    """Make these backends active and no others; a new or returning one gets a delivery of every zone."""
    active = {name for (name,) in connection.execute("SELECT name FROM backend WHERE active = 1")}
    for name in backends:
        if name not in active:
            after: str | None = ""
            while after is not None:
                after = adopt_step(connection, name, after, now=now)
    for name in active.difference(backends):
        connection.execute("UPDATE backend SET active = 0, changed_at = ? WHERE name = ?", (now, name))


def _newest_at(connection: sqlite3.Connection) -> float:
    """The latest moment that the store knows of; each is one step into an index."""
    found = (connection.execute(f"SELECT MAX(at) FROM {table}").fetchone()[0] for table in ("version", "attempt"))
    return max((at for at in found if at is not None), default=0.0)


def adopt_step(connection: sqlite3.Connection, name: str, after: str, *, now: float) -> str | None:
    """Give a new or returning backend the deliveries that it lacks, one step of them; returns the last zone of the step, None at the end.

    Tombstones only for zones that it may still have.
    """
    end = connection.execute("SELECT zone FROM zone WHERE zone > ? ORDER BY zone LIMIT 1 OFFSET ?", (after, STEP - 1))
    row = end.fetchone()
    until: str | None = row[0] if row else None
    connection.execute(
        f"""
INSERT INTO delivery (backend, zone, want_version, want_kind, state, priority, due_at, wanted_at, change_id)
SELECT :backend, zone, version, kind, {quoted(BEGINS)}, {Priority.BULK:d}, :now, :now, change_id FROM wanted
 WHERE zone > :after AND zone <= :until
   AND (kind = 'put' OR EXISTS (SELECT 1 FROM delivery d WHERE d.backend = :backend AND d.zone = wanted.zone))
    ON CONFLICT (backend, zone) DO UPDATE SET
       want_version = excluded.want_version, want_kind = excluded.want_kind, state = {moved(Event.WANT)},
       priority = excluded.priority,
       due_at = excluded.due_at, attempts = 0, wanted_at = excluded.wanted_at, change_id = excluded.change_id, reason = ''
 WHERE delivery.want_version < excluded.want_version""",
        {"backend": name, "now": now, "after": after, "until": until or BEHIND_ALL},
    )
    connection.execute(
        "INSERT INTO backend (name, active, changed_at) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (name) DO UPDATE SET active = ?2, changed_at = ?3",
        (name, int(until is None), now),
    )
    return until
