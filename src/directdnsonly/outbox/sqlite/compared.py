"""SQL of what peers compare: buckets, the zones in them, and what is stated of each. All but `fill` only reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Kind, Owner
from directdnsonly.outbox.peering import Stated, Summary, ZoneState
from directdnsonly.outbox.sqlite import bodies, ids
from directdnsonly.zone.name import ZoneName

UNFILLED: Final = "SELECT zone, stated, kind, digest, serial, credential, hostname, username, change_id FROM zone WHERE bucket IS NULL LIMIT ?"
_FILL = "UPDATE zone SET stated = ?, bucket = ?, mark = ? WHERE zone = ?"
DIGESTS: Final = "SELECT digest FROM bucket ORDER BY id"
MARKS: Final = "SELECT zone, mark FROM zone WHERE bucket = ? AND mark <> 0 LIMIT ?"
STATES: Final = """
SELECT z.version, z.kind, z.serial, z.pushed_serial, z.digest, z.credential, z.hostname, z.username, z.stated, z.change_id,
       z.changed_at, v.body
  FROM zone z LEFT JOIN version v ON ?2 AND v.zone = z.zone AND v.version = z.version WHERE z.zone = ?1"""


def fill(connection: sqlite3.Connection, limit: int) -> int:
    """Put zones that an earlier program wrote into their buckets; how many. 0: all are there."""
    rows = connection.execute(UNFILLED, (limit,)).fetchall()
    for name, known, kind, digest, serial, credential, hostname, username, change_id in rows:
        owner = Owner(credential=credential, hostname=hostname, username=username)
        stated = ids.of_row(known, kind, digest, serial, owner, change_id)
        is_somebodys = kind == Kind.PUT or bool(owner.server)
        mark = identity.mark(name, stated) if is_somebodys else 0
        connection.execute(_FILL, (stated, identity.bucket(name), mark, name))
    return len(rows)


def is_filled(connection: sqlite3.Connection) -> bool:
    """Whether every zone is in its bucket: before that, a comparison tells nothing."""
    return connection.execute(UNFILLED, (1,)).fetchone() is None


def digests(connection: sqlite3.Connection) -> list[int]:
    """Of every bucket, in order: the exclusive or of the marks of its zones."""
    return [row[0] for row in connection.execute(DIGESTS)]


def summary(connection: sqlite3.Connection) -> Summary:
    """At one moment."""
    connection.execute("BEGIN")
    try:
        return Summary(digests=tuple(digests(connection)), ready=is_filled(connection))
    finally:
        connection.execute("COMMIT")


def marks(connection: sqlite3.Connection, buckets: Sequence[int], limit: int) -> list[dict[ZoneName, int]]:
    """Of these buckets, in order, as far as they are whole within so many zones: the mark of each zone."""
    found: list[dict[ZoneName, int]] = []
    left = limit
    for bucket in buckets:
        rows = connection.execute(MARKS, (bucket, left + 1)).fetchall()
        if len(rows) > left:
            break
        left -= len(rows)
        found.append({ZoneName.trusted(name): mark for name, mark in rows})
    return found


def states(connection: sqlite3.Connection, names: Sequence[ZoneName], *, texts: int) -> list[ZoneState]:
    """Of these zones, as far as anything is known of them, at one moment. `texts`: see Peering."""
    found: list[ZoneState] = []
    left = texts
    connection.execute("BEGIN")
    try:
        for name in names:
            one = _state(connection, name, texts=texts > 0)
            left -= len(one.text or "") if one else 0
            if found and texts and left < 0:
                break
            found += [one] if one else []
    finally:
        connection.execute("COMMIT")
    return found


def _state(connection: sqlite3.Connection, name: ZoneName, *, texts: bool) -> ZoneState | None:
    row = connection.execute(STATES, (name, texts)).fetchone()
    if row is None:
        return None
    version, kind, serial, pushed_serial, digest, credential, hostname, username, known, change_id, at, body = row
    owner = Owner(credential=credential, hostname=hostname, username=username)
    stated = Stated(
        stated=ids.of_row(known, kind, digest, serial, owner, change_id),
        kind=Kind(kind),
        serial=serial,
        pushed_serial=pushed_serial,
        digest=digest,
        owner=owner,
        past=ids.past(connection, name, version),
    )
    return ZoneState(name=name, states=stated, at=at, text=bodies.text_if_whole(body) if texts else None)
