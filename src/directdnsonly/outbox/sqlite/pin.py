"""SQL of reading pins."""

from __future__ import annotations

import sqlite3

from directdnsonly.outbox.kept import Pin
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
