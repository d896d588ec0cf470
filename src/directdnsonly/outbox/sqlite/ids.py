"""SQL of version ids: the one of a row, and those that a zone has had."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Kind, Owner
from directdnsonly.zone.name import ZoneName

PAST: Final = "SELECT stated FROM past WHERE zone = ?"
VERSIONS: Final = (
    "SELECT stated, kind, digest, serial, credential, hostname, username, change_id FROM version WHERE zone = ? AND version < ?"
    " ORDER BY version"
)


def of_row(stated: bytes, kind: str, digest: bytes, serial: int, owner: Owner, change_id: str) -> bytes:
    """The id of a version. `stated` empty: an earlier program wrote it, and the id is made of the rest."""
    if stated:
        return stated
    return (
        identity.of_zone(digest, serial, owner) if kind == Kind.PUT else identity.of_delete(identity.NOTHING, change_id)
    )


def past(connection: sqlite3.Connection, name: ZoneName, version: int) -> tuple[bytes, ...]:
    """The ids that a zone has had before this version of it, as far as they are kept, the oldest first."""
    row = connection.execute(PAST, (name,)).fetchone()
    versions = [
        of_row(
            stated, kind, digest, serial, Owner(credential=credential, hostname=hostname, username=username), change_id
        )
        for stated, kind, digest, serial, credential, hostname, username, change_id in connection.execute(
            VERSIONS, (name, version)
        )
    ]
    return (*identity.split(bytes(row[0]) if row else b""), *versions)


def inherit(connection: sqlite3.Connection, name: ZoneName, more: Sequence[bytes]) -> int:
    """Ids that the zone has had elsewhere are kept with those that no version tells any more."""
    row = connection.execute(PAST, (name,)).fetchone()
    kept = identity.joined(identity.split(bytes(row[0]) if row else b""), more)
    return connection.execute(
        "INSERT INTO past (zone, stated) VALUES (?, ?) ON CONFLICT (zone) DO UPDATE SET stated = excluded.stated",
        (name, kept),
    ).rowcount
