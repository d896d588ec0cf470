"""SQL of what one zone means for another one here: a DNAME, and a zone of its own at or below that name."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from directdnsonly.outbox.records import Kind
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.warn import ZoneWarning

RULE: Final = "dname-over-zone"
KEPT_REDIRECTS: Final = 100  # names of one zone
ANY: Final = "EXISTS (SELECT 1 FROM zone INDEXED BY zone_redirects WHERE redirects <> '')"
_MEANS = "NSD serves only the one that it reads first, and SERVFAIL for the other; other name servers serve both"


def redirects_of(zone: Zone) -> str:
    """The names with a DNAME as the store keeps them."""
    return " ".join(zone.redirects[:KEPT_REDIRECTS])


def warnings_of(connection: sqlite3.Connection, zone: Zone) -> tuple[ZoneWarning, ...]:
    """Only for a zone that has a DNAME, or while some zone has: a few reads by whole key.

    An older zone below a name that gets its DNAME now is told when that zone is pushed the next time.
    """
    return (*_below_ours(connection, zone), *_above_us(connection, zone.name))


def _below_ours(connection: sqlite3.Connection, zone: Zone) -> Sequence[ZoneWarning]:
    apex = zone.name.absolute
    owners = [owner for owner in zone.redirects[:KEPT_REDIRECTS] if owner != apex]
    if not owners:
        return ()
    names = [owner.removesuffix(".") for owner in owners]
    found = connection.execute(
        f"SELECT zone FROM zone WHERE kind = ? AND zone IN ({','.join('?' * len(names))}) ORDER BY zone LIMIT 3",
        (Kind.PUT, *names),
    )
    return [
        ZoneWarning(RULE, f"{name} has a DNAME here and is a zone of its own, too: {_MEANS}", f"{name}.", "DNAME")
        for (name,) in found
    ]


def _above_us(connection: sqlite3.Connection, name: ZoneName) -> Sequence[ZoneWarning]:
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
        if owner in covering
    ]
