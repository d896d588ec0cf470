"""SQL of conflicts between zones held here: a DNAME, and another zone at or below that name.

NSD keeps all zones in one tree. It serves a zone that stands exactly where another one has its DNAME as long as that zone has
records at its own name alone; with any record or zone below the DNAME it serves only the one that it reads first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from directdnsonly.outbox.changes import Kind
from directdnsonly.outbox.decide.push import KEPT_REDIRECTS
from directdnsonly.outbox.sqlite import bodies
from directdnsonly.wording import counted
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.warn import ZoneWarning
from directdnsonly.zone.within import has_names_below

RULE: Final = "dname-over-zone"
_MOST_READ: Final = 10  # texts of zones
ANY: Final = "EXISTS (SELECT 1 FROM zone INDEXED BY zone_redirects WHERE redirects <> '')"
_MEANS = "NSD serves only the one that it reads first, and SERVFAIL for the other; other name servers serve both"


def warnings_of(connection: sqlite3.Connection, zone: Zone) -> tuple[ZoneWarning, ...]:
    """Warnings about a zone's DNAME conflicts; read only if any zone has a DNAME, by a few key look-ups."""
    return (*_at_ours(connection, zone), *_below_ours(connection, zone), *_above_us(connection, zone))


def _at_ours(connection: sqlite3.Connection, zone: Zone) -> Sequence[ZoneWarning]:
    """Zones where this one has a DNAME. What cannot be read of them may have names below it: then it is told."""
    names = [owner.removesuffix(".") for owner in zone.redirects[:KEPT_REDIRECTS] if owner != zone.name.absolute]
    if not names:
        return ()
    found = connection.execute(
        "SELECT zone.zone, version.body FROM zone LEFT JOIN version USING (zone, version)"
        f" WHERE zone.kind = ? AND zone.zone IN ({','.join('?' * len(names))}) LIMIT ?",
        (Kind.PUT, *names, _MOST_READ),
    )
    return [
        ZoneWarning(RULE, f"{name} has a DNAME here and is a zone of its own, too: {_MEANS}", f"{name}.", "DNAME")
        for name, body in found
        if (text := bodies.text_if_whole(body)) is None or has_names_below(text, ZoneName.trusted(name))
    ]


def _below_ours(connection: sqlite3.Connection, zone: Zone) -> Sequence[ZoneWarning]:
    """Zones below a DNAME of this one, its own name included."""
    names = [owner.removesuffix(".") for owner in zone.redirects[:KEPT_REDIRECTS]]
    if not names:
        return ()
    found = connection.execute(
        f"SELECT above, SUM(zones) FROM zones_below WHERE above IN ({','.join('?' * len(names))}) GROUP BY above ORDER BY above"
        " LIMIT ?",
        (*names, _MOST_READ),
    )
    return [
        ZoneWarning(RULE, f"{name} has a DNAME here, and below it {_lie(zones)} here: {_MEANS}", f"{name}.", "DNAME")
        for name, zones in found
    ]


def _lie(zones: int) -> str:
    return f"{counted(zones, 'other zone')} {'lies' if zones == 1 else 'lie'}"


def _above_us(connection: sqlite3.Connection, zone: Zone) -> Sequence[ZoneWarning]:
    name = zone.name
    above = name.ancestors()
    if not above:
        return ()
    rows = connection.execute(
        "SELECT zone, redirects FROM zone INDEXED BY zone_redirects"
        f" WHERE redirects <> '' AND kind = ? AND zone IN ({','.join('?' * len(above))})",
        (Kind.PUT, *above),
    )
    covering = {each.absolute for each in (name, *above)}
    return [
        ZoneWarning(RULE, f"the zone {parent} has a DNAME at {owner}: {_MEANS}", name.absolute)
        for parent, redirects in rows
        for owner in redirects.split(" ")
        if owner in covering and (owner != name.absolute or has_names_below(zone.text, name))
    ]
