"""SQL of what peers compare: buckets, the zones in them, and what is stated of each. What peers have seen."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from directdnsonly.outbox.changes import Kind, Owner, Source
from directdnsonly.outbox.peering import PeerMemory, Pinning, Stated, Summary, ZoneState
from directdnsonly.outbox.sqlite import bodies, buckets, decisions, ids
from directdnsonly.outbox.sqlite.triggers import Keeping
from directdnsonly.zone.name import ZoneName

DIGESTS: Final = "SELECT digest FROM bucket ORDER BY id"
NEWEST: Final = "SELECT COALESCE(MAX(id), 0) FROM version"
MARKS: Final = "SELECT zone, mark FROM zone WHERE bucket = ? AND mark <> 0 LIMIT ?"
STATES: Final = """
SELECT z.version, z.kind, z.serial, z.pushed_serial, z.digest, z.credential, z.hostname, z.username, z.stated, z.change_id,
       z.changed_at, z.source, v.id, CASE WHEN ?2 THEN v.body END
  FROM zone z LEFT JOIN version v ON v.zone = z.zone AND v.version = z.version WHERE z.zone = ?1"""

_ALL: Final = 2**62


def is_filled(connection: sqlite3.Connection) -> bool:
    """Whether every zone is in its bucket: before that, a comparison tells nothing."""
    return buckets.keeping(connection) is Keeping.KEPT


def digests(connection: sqlite3.Connection) -> list[int]:
    """Of every bucket, in order: the exclusive or of the marks of its zones, and of what is decided about them."""
    found = [row[0] for row in connection.execute(DIGESTS)]
    for bucket, decided in decisions.marks(connection).items():
        for mark in decided.values():
            found[bucket] ^= mark
    return found


def summary(connection: sqlite3.Connection) -> Summary:
    """At one moment."""
    connection.execute("BEGIN")
    try:
        (newest,) = connection.execute(NEWEST).fetchone()
        return Summary(digests=tuple(digests(connection)), newest=newest, ready=is_filled(connection))
    finally:
        connection.execute("COMMIT")


def marks(connection: sqlite3.Connection, numbers: Sequence[int], limit: int) -> list[dict[ZoneName, int]]:
    """Of these buckets, in order, as far as they are whole within so many zones: the mark of each zone."""
    found: list[dict[ZoneName, int]] = []
    left, decided = limit, decisions.marks(connection)
    for number in numbers:
        rows = connection.execute(MARKS, (number, left + 1)).fetchall()
        if len(rows) > left:
            break
        left -= len(rows)
        zones = dict(rows)
        for name, mark in decided.get(number, {}).items():
            zones[name] = zones.get(name, 0) ^ mark
        found.append({ZoneName.trusted(name): mark for name, mark in zones.items()})
    return found


def states(connection: sqlite3.Connection, names: Sequence[ZoneName], *, texts: int) -> list[ZoneState]:
    """Of these zones, as far as anything is known of them, at one moment. `texts`: see Peering."""
    found: list[ZoneState] = []
    left = texts
    connection.execute("BEGIN")
    try:
        for name in names:
            one = _state(connection, name, texts=texts > 0)
            left -= _size(one) if one else 0
            if found and texts and left < 0:
                break
            found += [one] if one else []
    finally:
        connection.execute("COMMIT")
    return found


def _state(connection: sqlite3.Connection, name: ZoneName, *, texts: bool) -> ZoneState | None:
    row = connection.execute(STATES, (name, texts)).fetchone()
    decided = decisions.of_zone(connection, name, texts=texts)
    if row is None:
        return ZoneState(name=name, states=None, at=0.0, decided=decided) if decided else None
    version, kind, serial, pushed_serial, digest, credential, hostname, username, known, change_id, at, *rest = row
    source, number, body = rest
    owner = Owner(credential=credential, hostname=hostname, username=username)
    stated = Stated(
        stated=ids.of_row(known, kind, digest, serial, owner, change_id),
        kind=Kind(kind),
        serial=serial,
        pushed_serial=pushed_serial,
        digest=digest,
        owner=owner,
        past=ids.past(connection, name, version),
        orphan=kind == Kind.DELETE and source == Source.RECONCILE,
    )
    text = bodies.text_if_whole(body) if texts else None
    return ZoneState(name=name, states=stated, at=at, number=number or 0, text=text, decided=decided)


def _size(one: ZoneState) -> int:
    """Characters and octets of all texts in it."""
    said = (each.said for each in one.decided)
    return len(one.text or "") + sum(
        len(each.text or "") if isinstance(each, Pinning) else len(each.body) for each in said if each
    )


def memory(connection: sqlite3.Connection, peer: str) -> PeerMemory:
    """What the peer has seen, and what we have forgotten."""
    row = connection.execute(
        "SELECT forgotten, seen, newest FROM version_floor LEFT JOIN peer ON name = ?", (peer,)
    ).fetchone()
    return PeerMemory(forgotten=row[0], seen=row[1] or 0, newest=row[2] or 0)


def remember(connection: sqlite3.Connection, peer: str, *, seen: int, newest: int) -> None:
    """The peer has seen so much."""
    connection.execute("INSERT OR REPLACE INTO peer (name, seen, newest) VALUES (?, ?, ?)", (peer, seen, newest))


def seen_by_all(connection: sqlite3.Connection, peers: Sequence[str]) -> int:
    """Up to which version.id every one of these peers has seen all deletes; without a peer: all of them."""
    return min((memory(connection, peer).seen for peer in peers), default=_ALL)
