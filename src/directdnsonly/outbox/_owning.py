"""SQL of what `ownership` judges by: what lies around a zone, what waits for it, announced moves. On the writer, in the change."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from itertools import islice
from typing import Final

from directdnsonly.outbox import _body, _held
from directdnsonly.outbox.ownership import Above, There, is_foreign
from directdnsonly.outbox.records import Owner
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.within import serves_names_below

_MOST_ROWS: Final = 1000  # of zones below: the asker's own, by other credentials, may come first

# Each name above is one look into the primary key; of zones below there is one row per owner, and they are read one by one.
_AROUND: Final = """
SELECT zone.zone, version, credential, hostname, username
  FROM json_each(?1) CROSS JOIN zone ON zone.zone = json_each.value WHERE kind = 'put'
UNION ALL
SELECT NULL, zones, credential, hostname, '' FROM zones_below WHERE above = ?2"""


def look_around(connection: sqlite3.Connection, name: ZoneName, asker: Owner, there: There) -> There:
    """`there` with the nearest zone above, and another server's below. Costs what the name has labels, not what lies below."""
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
    elif below is None:
        return there
    return There(zone=there.zone, buried=there.buried, waits=there.waits, above=above, below=below)


def with_moves(connection: sqlite3.Connection, there: There, now: float) -> There:
    """`there` with the announced moves."""
    return replace(there, moves=_held.migrations(connection, now))


def _holds(connection: sqlite3.Connection, above: ZoneName, version: int, name: ZoneName) -> bool:
    """What cannot be read may hold the name: then a person looks."""
    row = connection.execute("SELECT body FROM version WHERE zone = ? AND version = ?", (above, version)).fetchone()
    text = _body.text_if_whole(row[0] if row else None)
    return text is None or serves_names_below(text, above, name)
