"""SQL of pins."""

from __future__ import annotations

import sqlite3

from directdnsonly.outbox.changes import NewPin
from directdnsonly.outbox.kept import Pin
from directdnsonly.outbox.peering import Matter
from directdnsonly.outbox.sqlite import decisions
from directdnsonly.zone.name import ZoneName


def find_pin(connection: sqlite3.Connection, name: ZoneName) -> Pin | None:
    """The pin of a zone, with the newest version waiting behind it; None if it is not pinned."""
    row = connection.execute(
        "SELECT p.version, p.actor, p.address, p.reason, p.at, z.version, z.pushed_at FROM pin p LEFT JOIN zone z USING (zone)"
        " WHERE p.zone = ?",
        (name,),
    ).fetchone()
    if row is None:
        return None
    version, actor, address, reason, at, newest, pushed_at = row
    return Pin(
        name=name,
        version=version,
        actor=actor,
        address=address,
        reason=reason,
        at=at,
        waiting_version=newest if newest is not None and newest > version else None,
        pushed_at=pushed_at or 0.0,
    )


def pin(connection: sqlite3.Connection, new: NewPin, now: float) -> int:
    """Pin the newest version; a zone that is already pinned only gets the new reason."""
    is_new = connection.execute("SELECT 1 FROM pin WHERE zone = ?", (new.name,)).fetchone() is None
    rows = connection.execute(
        "INSERT INTO pin (zone, version, actor, address, reason, at, challenge, signed)"
        " SELECT zone, version, ?, ?, ?, ?, challenge, signed FROM zone WHERE zone = ?"
        " ON CONFLICT (zone) DO UPDATE SET reason = excluded.reason",
        (new.actor, new.address, new.reason[:500], now, new.name),
    ).rowcount
    if is_new:
        decisions.begin(connection, new.name, Matter.PIN)
    return rows


def unpin(connection: sqlite3.Connection, name: ZoneName) -> int:
    """Remove the pin."""
    decisions.end(connection, name, Matter.PIN)
    return connection.execute("DELETE FROM pin WHERE zone = ?", (name,)).rowcount
