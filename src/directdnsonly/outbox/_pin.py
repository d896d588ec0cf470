"""SQL of pinning: a zone that keeps what it serves until a person releases it. Runs on the writer in its transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from directdnsonly.errors import ZonePolicyError
from directdnsonly.outbox._recording import want
from directdnsonly.outbox._write import look, record_change
from directdnsonly.outbox.records import NewPin, Origin, Pin, Priority, Receipt
from directdnsonly.zone.name import ZoneName


def find_pin(connection: sqlite3.Connection, name: ZoneName) -> Pin | None:
    """The pin of a zone, with the newest version that waits behind it."""
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


def pin(connection: sqlite3.Connection, new: NewPin, *, now: float) -> Pin | None:
    """Hold the version that is wanted now; None when there is no such zone. A zone pinned already stays at its version.

    Raises ZonePolicyError when the version that was asked for is not the wanted one.
    """
    seen = look(connection, new.name)
    wanted = seen.pinned or (seen.living.version if seen.living is not None else None)
    if wanted is None:
        return None
    if new.version not in (None, wanted):
        raise ZonePolicyError(
            f"version {wanted} is the wanted one, not {new.version}: roll back to it first", rule="pin"
        )
    connection.execute(
        "INSERT INTO pin (zone, version, actor, address, reason, at, challenge, signed)"
        " SELECT zone, version, ?, ?, ?, ?, challenge, signed FROM zone WHERE zone = ?"
        " ON CONFLICT (zone) DO UPDATE SET reason = excluded.reason",
        (new.actor, new.address, new.reason[:500], now, new.name),
    )
    return find_pin(connection, new.name)


def unpin(
    connection: sqlite3.Connection, name: ZoneName, origin: Origin, *, backends: Sequence[str], now: float
) -> Receipt | None:
    """Release a zone: the newest version that came meanwhile is wanted from now on; None when it was not pinned."""
    seen = look(connection, name)
    newest = seen.current
    if seen.pinned is None or newest is None:
        return None
    (challenge,) = connection.execute("DELETE FROM pin WHERE zone = ? RETURNING challenge", (name,)).fetchone()
    changed = newest.version > seen.pinned
    priority = Priority.URGENT if newest.challenge != challenge else Priority.INTERACTIVE
    if changed:
        want(connection, name, newest.version, newest.kind, backends, priority, origin.change_id, now)
    receipt = Receipt(
        change_id=origin.change_id,
        name=name,
        version=newest.version,
        kind=newest.kind,
        changed=changed,
        serial=newest.serial,
        priority=priority,
    )
    record_change(connection, receipt, origin, now)
    return receipt
