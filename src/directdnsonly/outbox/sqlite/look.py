"""SQL of the look on which a decision is based (see `outbox.decide`), on the writer in the change's transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from directdnsonly.outbox.changes import Kind, NewVersion, Owner
from directdnsonly.outbox.decide import Command, name_of
from directdnsonly.outbox.decide.content import Current
from directdnsonly.outbox.decide.look import Around, Look, More, Need, Pinned
from directdnsonly.outbox.drift import HoldRule
from directdnsonly.outbox.ownership import Above, Waiting, is_foreign
from directdnsonly.outbox.sqlite import bodies, decisions, held, ids, neighbours, reconcile, terms
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.within import serves_names_below

_COLUMNS: Final = [
    "version",
    "kind",
    "serial",
    "pushed_serial",
    "digest",
    "challenge",
    "credential",
    "hostname",
    "username",
    "pushed_at",
    "stated",
    "change_id",
]

# One row, also when the zone has none: it may be pinned all the same (its row is lost: a damage, and no reason to forget a
# pin), and a push of it may wait.
LOOK: Final = f"""
SELECT {", ".join(f"z.{column}" for column in _COLUMNS)},
       p.version, p.challenge, {neighbours.ANY}, h.rule, h.credential, h.hostname, h.username, h.digest, h.serial
  FROM (SELECT 1) always LEFT JOIN zone z ON z.zone = ?1 LEFT JOIN pin p ON p.zone = ?1 LEFT JOIN held h ON h.zone = ?1"""

# A zone that is made begins above every number that was ever given and forgotten; also above what is left of one whose
# own row was lost.
_FIRST: Final = """
SELECT 1 + MAX((SELECT version FROM version_floor),
               (SELECT COALESCE(MAX(version), 0) FROM version WHERE zone = ?1),
               (SELECT COALESCE(MAX(want_version), 0) FROM delivery WHERE zone = ?1))"""

_FORMER: Final = "SELECT c.id FROM zone z JOIN change c ON c.id = z.change_id WHERE z.zone = ?"

_MOST_ROWS: Final = 1000  # of zones below: the asker's own, by other credentials, may come first

# Each name above is one look into the primary key; of zones below there is one row per owner, and they are read one by one.
_AROUND: Final = """
SELECT zone.zone, version, credential, hostname, username
  FROM json_each(?1) CROSS JOIN zone ON zone.zone = json_each.value WHERE kind = 'put'
UNION ALL
SELECT NULL, zones, credential, hostname, '' FROM zones_below WHERE above = ?2"""


def look(connection: sqlite3.Connection, command: Command) -> Look:
    """The facts that most decisions need, in one statement."""
    row = connection.execute(LOOK, (name_of(command),)).fetchone()
    version, challenge, redirecting, rule, credential, hostname, username, digest, serial = row[len(_COLUMNS) :]
    waits = None
    if rule is not None:
        owner = Owner(credential=credential, hostname=hostname, username=username)
        waits = Waiting(rule=HoldRule(rule), owner=owner, digest=digest.hex(), serial=serial)
    return Look(
        newest=None if row[0] is None else _current(row),
        pinned=None if version is None else Pinned(version=version, challenge=challenge),
        waits=waits,
        redirecting=bool(redirecting),
    )


def look_for(connection: sqlite3.Connection, command: Command, known: Look, need: Need, *, now: float) -> Look:
    """The same look with what a decision requested. `now`: epoch seconds, for announced moves."""
    if need is Need.MOVES:
        return known.with_more(known.more._replace(moves=held.migrations(connection, now)))
    return known.with_more(_LOOK_FOR[need](connection, command, known))


def _current(row: Sequence[Any]) -> Current:
    (
        version,
        kind,
        serial,
        pushed_serial,
        digest,
        challenge,
        credential,
        hostname,
        username,
        pushed_at,
        stated,
        change_id,
    ) = row[: len(_COLUMNS)]
    owner = Owner(credential=credential, hostname=hostname, username=username)
    return Current(
        version=version,
        kind=Kind(kind),
        serial=serial,
        pushed_serial=pushed_serial,
        digest=digest,
        challenge=challenge,
        owner=owner,
        pushed_at=pushed_at,
        stated=ids.of_row(stated, kind, digest, serial, owner, change_id),
    )


def _around(connection: sqlite3.Connection, command: Command, known: Look) -> More:
    """The nearest zone above, and another server's below. Costs what the name has labels, not what lies below."""
    assert isinstance(command, NewVersion)
    name, asker = command.zone.name, command.origin.owner
    nearest: tuple[ZoneName, int, Owner] | None = None
    below: Owner | None = None
    rows = connection.execute(_AROUND, (json.dumps(name.ancestors()), name))
    for zone, version, credential, hostname, username in islice(rows, _MOST_ROWS):
        owner = Owner(credential=credential, hostname=hostname, username=username)
        if zone is None:
            if is_foreign(owner, asker):
                below = owner
                break
        elif nearest is None or len(zone) > len(nearest[0]):
            nearest = ZoneName.trusted(zone), version, owner
    above = None
    if nearest is not None:
        zone, version, owner = nearest
        holds = is_foreign(owner, asker) and _holds(connection, zone, version, name)
        above = Above(name=zone, owner=owner, holds=holds)
    return known.more._replace(around=Around(above=above, below=below))


def _holds(connection: sqlite3.Connection, above: ZoneName, version: int, name: ZoneName) -> bool:
    """What cannot be read may hold the name: then a person looks."""
    row = connection.execute("SELECT body FROM version WHERE zone = ? AND version = ?", (above, version)).fetchone()
    text = bodies.text_if_whole(row[0] if row else None)
    return text is None or serves_names_below(text, above, name)


def _whole(connection: sqlite3.Connection, command: Command, known: Look) -> More:
    return known.more._replace(whole=bodies.is_whole(connection, name_of(command), known.version))


def _first(connection: sqlite3.Connection, command: Command, known: Look) -> More:
    return known.more._replace(first=int(connection.execute(_FIRST, (name_of(command),)).fetchone()[0]))


def _beside(connection: sqlite3.Connection, command: Command, known: Look) -> More:
    assert isinstance(command, NewVersion)
    return known.more._replace(beside=neighbours.warnings_of(connection, command.zone))


def _counted(connection: sqlite3.Connection, command: Command, known: Look) -> More:
    assert isinstance(command, NewVersion)
    row = connection.execute(terms.COUNTED, (command.origin.owner.credential,)).fetchone()
    return known.more._replace(counted=-1 if row is None else int(row[0]))


def _former(connection: sqlite3.Connection, command: Command, known: Look) -> More:
    row = connection.execute(_FORMER, (name_of(command),)).fetchone()
    return known.more._replace(former="" if row is None else str(row[0]))


def _sighting(connection: sqlite3.Connection, command: Command, known: Look) -> More:
    found = reconcile.sighting_of(connection, name_of(command))
    return known.more._replace(sighting=[] if found is None else [found])


def _past(connection: sqlite3.Connection, command: Command, known: Look) -> More:
    return known.more._replace(past=ids.past(connection, name_of(command), known.version))


def _decided(connection: sqlite3.Connection, command: Command, known: Look) -> More:
    return known.more._replace(decided=decisions.by_matter(connection, name_of(command)))


def _stands(connection: sqlite3.Connection, command: Command, known: Look) -> More:
    return known.more._replace(stands=decisions.stands(connection, name_of(command)))


_LOOK_FOR: Final[Mapping[Need, Callable[[sqlite3.Connection, Command, Look], More]]] = {
    Need.AROUND: _around,
    Need.WHOLE: _whole,
    Need.FIRST: _first,
    Need.BESIDE: _beside,
    Need.COUNTED: _counted,
    Need.FORMER: _former,
    Need.SIGHTING: _sighting,
    Need.PAST: _past,
    Need.DECIDED: _decided,
    Need.STANDS: _stands,
}
