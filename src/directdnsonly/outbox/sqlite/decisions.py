"""SQL of decisions about zones as peers know them: kept beside pins, held pushes and kept zones, in their own transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Kind, Owner
from directdnsonly.outbox.decide.act import MOST_PAST
from directdnsonly.outbox.decide.look import Stands
from directdnsonly.outbox.drift import HoldRule
from directdnsonly.outbox.peering import Decided, Held, Matter, Pinning
from directdnsonly.outbox.sqlite import bodies, ids, told
from directdnsonly.zone.name import ZoneName

# Those of zones that are unknown here by now, for a push of theirs waited and was rejected: the newest so many.
KEPT_OF_NOBODY: Final = 10_000

DECIDED: Final = "SELECT matter, stated, stands, past FROM decision WHERE zone = ?"
ONE: Final = f"{DECIDED} AND matter = ?"
ALL: Final = "SELECT zone, matter, stated FROM decision"
PINNED: Final = (
    "SELECT v.stated, v.kind, v.digest, v.serial, v.credential, v.hostname, v.username, v.change_id, p.actor, p.address, p.reason,"
    " CASE WHEN ?2 THEN v.body END FROM pin p JOIN version v ON v.zone = p.zone AND v.version = p.version WHERE p.zone = ?1"
)
WAITS: Final = (
    "SELECT h.digest, h.credential, h.hostname, h.username, h.rule, h.reason, h.difference, h.address, h.at,"
    " CASE WHEN ?2 THEN h.body END, COALESCE(z.stated, x''), h.serial FROM held h LEFT JOIN zone z ON z.zone = h.zone WHERE h.zone = ?1"
)
STANDS: Final = (
    "SELECT w.serial, w.digest, w.kind, w.stated, w.change_id, v.body, z.records, z.signed, z.redirects, z.warnings,"
    " z.credential, z.hostname, z.username"
    "  FROM zone z JOIN wanted w ON w.zone = z.zone LEFT JOIN version v ON v.zone = z.zone AND v.version = z.version WHERE z.zone = ?"
)
ENDED_KEEPS: Final = (
    "SELECT zone FROM decision d WHERE matter = 'keep' AND stands = 1"
    " AND NOT EXISTS (SELECT 1 FROM sighting s WHERE s.zone = d.zone AND s.state = 'kept')"
)
_PUT: Final = (
    "INSERT INTO decision (zone, matter, stated, stands, past) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (zone, matter) DO UPDATE SET stated = excluded.stated, stands = excluded.stands, past = excluded.past"
)
FORGET: Final = (
    "DELETE FROM decision WHERE stands = 0 AND id <= (SELECT MAX(id) FROM decision) - ?"
    " AND NOT EXISTS (SELECT 1 FROM zone z WHERE z.zone = decision.zone)"
)


def begin(connection: sqlite3.Connection, name: ZoneName, matter: Matter) -> None:
    """It was decided here, just now."""
    _next(connection, name, matter, stands=True)


def end(connection: sqlite3.Connection, name: ZoneName, matter: Matter) -> None:
    """It was ended here, just now; nothing is written where nothing was in force."""
    _next(connection, name, matter, stands=False)


def withdraw(connection: sqlite3.Connection, name: ZoneName, matter: Matter) -> None:
    """What is in force here is so no longer, as if it had never been decided here: where else it is, it stays."""
    row = connection.execute(ONE, (name, matter.value)).fetchone()
    if row is None or not row[2]:
        return
    past = identity.split(row[3])
    if not past:
        connection.execute("DELETE FROM decision WHERE zone = ? AND matter = ?", (name, matter.value))
        return
    stated = identity.of_decision(matter, b"", stands=False, after=past[-1])
    put(connection, name, Decided(matter=matter, stated=stated, stands=False, past=past))


def _next(connection: sqlite3.Connection, name: ZoneName, matter: Matter, *, stands: bool) -> None:
    """By an id of its own: who ends a pin has not ended another one that somebody else has set elsewhere, at the same version."""
    row = connection.execute(ONE, (name, matter.value)).fetchone()
    if not stands and (row is None or not row[2]):
        return
    past = (*identity.split(row[3]), bytes(row[1])) if row is not None else ()
    stated = connection.execute("SELECT randomblob(?)", (identity.SIZE,)).fetchone()[0]
    put(connection, name, Decided(matter=matter, stated=stated, stands=stands, past=past))


def put(connection: sqlite3.Connection, name: ZoneName, one: Decided) -> int:
    """What is decided is known by this id from now on."""
    past = b"".join(one.past[-MOST_PAST:])
    return connection.execute(_PUT, (name, one.matter.value, one.stated, int(one.stands), past)).rowcount


def end_keeps(connection: sqlite3.Connection) -> None:
    """Zones that are not kept any more: their server lists them again, or they were pushed."""
    for (zone,) in connection.execute(ENDED_KEEPS).fetchall():
        end(connection, ZoneName.trusted(zone), Matter.KEEP)


def forget(connection: sqlite3.Connection) -> int:
    """Those that nobody needs; how many."""
    return connection.execute(FORGET, (KEPT_OF_NOBODY,)).rowcount


def marks(connection: sqlite3.Connection) -> dict[int, dict[str, int]]:
    """By bucket and zone, what decisions add to its mark. There is a row only where anything was ever decided."""
    found: dict[int, dict[str, int]] = {}
    for zone, matter, stated in connection.execute(ALL):
        zones = found.setdefault(identity.bucket(zone), {})
        zones[zone] = zones.get(zone, 0) ^ identity.mark(f"{zone}\0{matter}", stated)
    return found


def of_zone(connection: sqlite3.Connection, name: ZoneName, *, texts: bool = False) -> tuple[Decided, ...]:
    """What is decided about a zone. `texts`: with what else is told of it."""
    rows = connection.execute(DECIDED, (name,)).fetchall()
    return tuple(
        _decided(connection, name, Matter(matter), bytes(stated), bool(stands), bytes(past), texts=texts)
        for matter, stated, stands, past in rows
    )


def _decided(
    connection: sqlite3.Connection, name: ZoneName, matter: Matter, stated: bytes, stands: bool, past: bytes, *, texts: bool
) -> Decided:  # fmt: skip
    one = Decided(matter=matter, stated=stated, stands=stands, past=identity.split(past))
    if not stands or matter is Matter.KEEP:
        return one
    return (
        _of_pin(connection, name, one, texts=texts)
        if matter is Matter.PIN
        else _of_held(connection, name, one, texts=texts)
    )


def _of_pin(connection: sqlite3.Connection, name: ZoneName, one: Decided, *, texts: bool) -> Decided:
    row = connection.execute(PINNED, (name, texts)).fetchone()
    if row is None:
        return one
    stated, kind, digest, serial, credential, hostname, username, change_id, actor, address, reason, body = row
    owner = Owner(credential=credential, hostname=hostname, username=username)
    about = identity.content(ids.of_row(stated, kind, digest, serial, owner, change_id))
    said = None
    if texts:
        said = Pinning(text=bodies.text_if_whole(body), actor=actor, address=address, reason=reason)
    return _with(one, about, said, content=digest, serial=serial)


def _of_held(connection: sqlite3.Connection, name: ZoneName, one: Decided, *, texts: bool) -> Decided:
    row = connection.execute(WAITS, (name, texts)).fetchone()
    if row is None:
        return one
    digest, credential, hostname, username, rule, reason, difference, address, at, body, base, serial = row
    owner = Owner(credential=credential, hostname=hostname, username=username)
    said = None
    if texts:
        said = Held(
            rule=HoldRule(rule), reason=reason, difference=difference, owner=owner, address=address, at=at,
            digest=digest.hex(), serial=serial, base=identity.content(base), body=_whole(body),
        )  # fmt: skip
    return _with(one, identity.of_push(digest, owner), said)


def _whole(body: object) -> bytes:
    try:
        return bodies.octets_of(body)
    except ValueError:
        return b""


def _with(one: Decided, about: bytes, said: Pinning | Held | None, *, content: bytes = b"", serial: int = 0) -> Decided:
    return Decided(
        matter=one.matter, stated=one.stated, stands=one.stands, past=one.past,
        about=about, content=content, serial=serial, said=said,
    )  # fmt: skip


def by_matter(connection: sqlite3.Connection, name: ZoneName) -> Mapping[Matter, Decided]:
    """What is decided about a zone, in each matter."""
    return {one.matter: one for one in of_zone(connection, name)}


def stands(connection: sqlite3.Connection, name: ZoneName) -> Stands:
    """What is wanted of a zone, and its newest version as a whole."""
    row = connection.execute(STANDS, (name,)).fetchone()
    if row is None:
        return Stands(
            serial=0,
            digest=b"",
            kind=Kind.DELETE,
            stated=b"",
            text=None,
            records=0,
            signed=False,
            redirects="",
            warnings=(),
        )
    serial, digest, kind, stated, change_id, body, records, signed, redirects, warnings, *owner = row
    whose = Owner(credential=owner[0], hostname=owner[1], username=owner[2])
    return Stands(
        serial=serial,
        digest=digest,
        kind=Kind(kind),
        stated=ids.of_row(stated, kind, digest, serial, whose, change_id),
        text=bodies.text_if_whole(body),
        records=records,
        signed=bool(signed),
        redirects=redirects,
        warnings=told.warnings_in(warnings),
    )
