"""SQL of pushes that wait for approval, and of planned moves."""

from __future__ import annotations

import sqlite3
import zlib
from typing import Any

from directdnsonly.outbox.changes import Owner
from directdnsonly.outbox.drift import HeldPush, HoldRule, Migration
from directdnsonly.outbox.sqlite import bodies
from directdnsonly.zone.name import ZoneName

# A held loss is void when another version of the zone is newest by now. What else ends a push that waits drops it, in its own transaction.
_VALID = """
SELECT h.zone, h.version, h.digest, h.rule, h.reason, h.difference, h.credential, h.hostname, h.username, h.address, h.at, h.body
  FROM held h LEFT JOIN zone z ON z.zone = h.zone
 WHERE (h.rule <> 'loss' OR (z.kind = 'put' AND z.version = h.version)) """


def record(connection: sqlite3.Connection, held: HeldPush) -> int:
    """Keep a push; the one that waited before for this zone is void."""
    owner = held.owner
    return connection.execute(
        "INSERT OR REPLACE INTO held (zone, version, digest, rule, reason, difference, credential, hostname, username,"
        " address, at, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
        ),
    ).rowcount


def drop(connection: sqlite3.Connection, name: ZoneName) -> int:
    """What waited for this zone is over."""
    return connection.execute("DELETE FROM held WHERE zone = ?", (name,)).rowcount


def explain(connection: sqlite3.Connection, name: ZoneName, digest: str, difference: str) -> None:
    """What the push that waits would change, for people; nothing when it does not wait any more."""
    connection.execute(
        "UPDATE held SET difference = ? WHERE zone = ? AND digest = ?",
        (difference[:20_000], name, bytes.fromhex(digest)),
    )


def cursor_of(after: str) -> tuple[float, str]:
    """Moment and name of the last one before a page: `at/zone`, empty before any. Raises ValueError for what is none of ours."""
    at, _, name = after.partition("/")
    try:
        return (float(at), name) if after else (-1.0, "")
    except ValueError:
        raise ValueError(f"{after[:80]!a} is not the `next` of a page") from None


def waiting(
    connection: sqlite3.Connection, limit: int, *, bodies: bool, after: tuple[float, str] = (-1.0, "")
) -> list[HeldPush]:
    """Those that wait, oldest first, those after `after`; without `bodies` what was sent is neither read nor judged."""
    query = _VALID if bodies else _VALID.replace("h.body", "NULL")
    rows = connection.execute(f"{query}AND (h.at, h.zone) > (?, ?) ORDER BY h.at, h.zone LIMIT ?", (*after, limit))
    return [_held(connection, row) for row in rows]


COUNT = f"SELECT COUNT(*), MIN(h.at) {_VALID[_VALID.index('FROM') :]}"


def count(connection: sqlite3.Connection) -> tuple[int, float | None]:
    """How many wait, and since when the oldest does."""
    number, since = connection.execute(COUNT).fetchone()
    return int(number), since


def one(connection: sqlite3.Connection, name: ZoneName) -> HeldPush | None:
    """The one that waits for this zone."""
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
        damaged=damaged,
    )


def open_migration(connection: sqlite3.Connection, move: Migration, now: float) -> int:
    """A planned move from now on; its number. Those that are over are forgotten."""
    connection.execute("DELETE FROM migration WHERE until <= ?", (now,))
    row = connection.execute(
        "INSERT INTO migration (former, server, zones, until) VALUES (?, ?, ?, ?) RETURNING id",
        (move.former, move.server, " ".join(move.zones), move.until),
    ).fetchone()
    return int(row[0])


def close_migration(connection: sqlite3.Connection, number: int) -> bool:
    """The move is over before its time; whether there was one."""
    return connection.execute("DELETE FROM migration WHERE id = ?", (number,)).rowcount > 0


def migrations(connection: sqlite3.Connection, now: float, *, after: int = 0, limit: int = 1000) -> list[Migration]:
    """Planned moves that are open, those with a higher number than `after`."""
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
