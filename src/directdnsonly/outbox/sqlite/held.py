"""SQL of held pushes and announced moves."""

from __future__ import annotations

import sqlite3
import zlib
from typing import Any

from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Owner
from directdnsonly.outbox.drift import HeldPush, HoldRule, Migration
from directdnsonly.outbox.peering import Matter
from directdnsonly.outbox.sqlite import bodies, decisions
from directdnsonly.zone.name import ZoneName

# A held loss is void when another version of the zone is newest by now. What else ends a push that waits drops it, in its own transaction.
_VALID = """
SELECT h.zone, h.version, h.digest, h.rule, h.reason, h.difference, h.credential, h.hostname, h.username, h.address, h.at, h.body, h.serial
  FROM held h LEFT JOIN zone z ON z.zone = h.zone
 WHERE (h.rule <> 'loss' OR (z.kind = 'put' AND z.version = h.version)) """


def record(connection: sqlite3.Connection, held: HeldPush) -> int:
    """Hold a push, replacing the zone's earlier held push."""
    owner = held.owner
    about = identity.of_push(bytes.fromhex(held.digest), owner)
    if about != _about(connection, held.name):
        decisions.begin(connection, held.name, Matter.HOLD)
    return connection.execute(
        "INSERT OR REPLACE INTO held (zone, version, digest, rule, reason, difference, credential, hostname, username,"
        " address, at, body, serial) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            held.name,
            held.version,
            bytes.fromhex(held.digest),
            held.rule,
            held.reason[:500],
            held.difference[:20_000],
            owner.credential,
            owner.hostname,
            owner.username,
            held.address,
            held.at,
            zlib.compress(held.body),
            held.serial,
        ),
    ).rowcount


def drop(connection: sqlite3.Connection, name: ZoneName, *, void: bool = False) -> int:
    """Drop the zone's held push. `void`: see writes.DropHeld."""
    (decisions.withdraw if void else decisions.end)(connection, name, Matter.HOLD)
    return connection.execute("DELETE FROM held WHERE zone = ?", (name,)).rowcount


def _about(connection: sqlite3.Connection, name: ZoneName) -> bytes | None:
    """The push that waits by now, as peers know it."""
    row = connection.execute(
        "SELECT digest, credential, hostname, username FROM held WHERE zone = ?", (name,)
    ).fetchone()
    if row is None:
        return None
    return identity.of_push(row[0], Owner(credential=row[1], hostname=row[2], username=row[3]))


def beside(connection: sqlite3.Connection, name: ZoneName, version: int) -> int:
    """The zone's held push waits beside this version from now on."""
    return connection.execute("UPDATE held SET version = ? WHERE zone = ?", (version, name)).rowcount


def explain(connection: sqlite3.Connection, name: ZoneName, digest: str, difference: str) -> None:
    """Keep the description of a held push; does nothing if it is no longer held."""
    connection.execute(
        "UPDATE held SET difference = ? WHERE zone = ? AND digest = ?",
        (difference[:20_000], name, bytes.fromhex(digest)),
    )


def cursor_of(after: str) -> tuple[float, str]:
    """The time and name in a page's cursor `at/zone`; empty before the first. Raises ValueError for an invalid cursor."""
    at, _, name = after.partition("/")
    try:
        return (float(at), name) if after else (-1.0, "")
    except ValueError:
        raise ValueError(f"{after[:80]!a} is not the `next` of a page") from None


def waiting(
    connection: sqlite3.Connection, limit: int, *, bodies: bool, after: tuple[float, str] = (-1.0, "")
) -> list[HeldPush]:
    """Held pushes after `after`, oldest first; without `bodies` their texts are not read."""
    query = _VALID if bodies else _VALID.replace("h.body", "NULL")
    rows = connection.execute(f"{query}AND (h.at, h.zone) > (?, ?) ORDER BY h.at, h.zone LIMIT ?", (*after, limit))
    return [_held(connection, row) for row in rows]


COUNT = f"SELECT COUNT(*), MIN(h.at) {_VALID[_VALID.index('FROM') :]}"


def count(connection: sqlite3.Connection) -> tuple[int, float | None]:
    """How many pushes are held, and since when the oldest."""
    number, since = connection.execute(COUNT).fetchone()
    return int(number), since


def one(connection: sqlite3.Connection, name: ZoneName) -> HeldPush | None:
    """The zone's held push; None if there is none."""
    row = connection.execute(_VALID + "AND h.zone = ?", (name,)).fetchone()
    return _held(connection, row) if row else None


def _held(connection: sqlite3.Connection, row: tuple[Any, ...]) -> HeldPush:
    body, damaged = b"", ""
    try:
        body = b"" if row[11] is None else bodies.octets_of(row[11])
    except ValueError as error:
        damaged = (
            f"what was sent is damaged in the store ({error}; {bodies.file_of(connection)}): reject it, push again"
        )
    return HeldPush(
        name=ZoneName.trusted(row[0]),
        version=row[1],
        digest=row[2].hex(),
        rule=HoldRule(row[3]),
        reason=f"{damaged}; it {row[4]}" if damaged else row[4],
        difference=row[5],
        owner=Owner(credential=row[6], hostname=row[7], username=row[8]),
        address=row[9],
        at=row[10],
        body=body,
        serial=row[12],
        damaged=damaged,
    )


def open_migration(connection: sqlite3.Connection, move: Migration, now: float) -> int:
    """Open a move from now on; returns its number. Deletes those that are over."""
    connection.execute("DELETE FROM migration WHERE until <= ?", (now,))
    row = connection.execute(
        "INSERT INTO migration (former, server, zones, until) VALUES (?, ?, ?, ?) RETURNING id",
        (move.former, move.server, " ".join(move.zones), move.until),
    ).fetchone()
    return int(row[0])


def close_migration(connection: sqlite3.Connection, number: int) -> bool:
    """Close a move before its time is up; returns whether it was open."""
    return connection.execute("DELETE FROM migration WHERE id = ?", (number,)).rowcount > 0


def migrations(connection: sqlite3.Connection, now: float, *, after: int = 0, limit: int = 1000) -> list[Migration]:
    """The open moves with a number above `after`."""
    rows = connection.execute(
        "SELECT id, former, server, zones, until FROM migration WHERE until > ? AND id > ? ORDER BY id LIMIT ?",
        (now, after, limit),
    )
    return [
        Migration(
            id=row[0],
            former=row[1],
            server=row[2],
            zones=tuple(ZoneName.trusted(name) for name in row[3].split()),
            until=row[4],
        )
        for row in rows
    ]
