"""SQL of pinning: a zone that keeps what it serves until a person releases it. Runs on the writer in its transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from directdnsonly.errors import ZonePolicyError
from directdnsonly.outbox._recording import want
from directdnsonly.outbox._write import current, record_change
from directdnsonly.outbox.records import Kind, NewPin, Origin, Pin, Priority, Receipt
from directdnsonly.zone.name import ZoneName

# Named one by one: a later migration may add columns to `zone` that pinning knows nothing of.
_COLUMNS = (
    "zone, version, kind, serial, pushed_serial, records, digest, challenge, signed, credential, hostname, username,"
    " source, change_id, pushed_at, changed_at, warnings, redirects"
)
_PUT_BACK = f"""
INSERT INTO zone ({_COLUMNS}) SELECT {_COLUMNS} FROM waiting WHERE zone = ?
    ON CONFLICT (zone) DO UPDATE SET
       {", ".join(f"{column} = excluded.{column}" for column in _COLUMNS.split(", ")[1:])}"""


def find_pin(connection: sqlite3.Connection, name: ZoneName) -> Pin | None:
    """The pin of a zone, with the newest version that waits behind it."""
    row = connection.execute(
        "SELECT p.version, p.actor, p.address, p.reason, p.at, h.version, h.pushed_at FROM pin p JOIN waiting h USING (zone)"
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
        waiting_version=newest if newest > version else None,
        pushed_at=pushed_at,
    )


def pin(connection: sqlite3.Connection, new: NewPin, *, now: float) -> Pin | None:
    """Hold the version that is wanted now; None when there is no such zone. A zone pinned already stays at its version.

    Raises ZonePolicyError when the version that was asked for is not the wanted one.
    """
    living = current(connection, new.name, "zone")
    if living is None or living.kind is Kind.DELETE:
        return None
    if new.version not in (None, living.version):
        raise ZonePolicyError(
            f"version {living.version} is the wanted one, not {new.version}: roll back to it first", rule="pin"
        )
    connection.execute(
        "INSERT INTO pin (zone, version, actor, address, reason, at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (zone) DO UPDATE SET reason = excluded.reason",
        (new.name, living.version, new.actor, new.address, new.reason[:500], now),
    )
    connection.execute(
        f"INSERT INTO waiting ({_COLUMNS}) SELECT {_COLUMNS} FROM zone WHERE zone = ? ON CONFLICT (zone) DO NOTHING",
        (new.name,),
    )
    return find_pin(connection, new.name)


def unpin(
    connection: sqlite3.Connection, name: ZoneName, origin: Origin, *, backends: Sequence[str], now: float
) -> Receipt | None:
    """Release a zone: the newest version that came meanwhile is wanted from now on; None when it was not pinned."""
    before, newest = current(connection, name, "zone"), current(connection, name, "waiting")
    if before is None or newest is None:
        return None
    changed = newest.version > before.version
    priority = Priority.URGENT if newest.challenge != before.challenge else Priority.INTERACTIVE
    connection.execute(_PUT_BACK, (name,))  # also when only its owner is another one by now
    if changed:
        want(connection, name, newest.version, newest.kind, backends, priority, origin.change_id, now)
    connection.execute("DELETE FROM waiting WHERE zone = ?", (name,))
    connection.execute("DELETE FROM pin WHERE zone = ?", (name,))
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
