"""SQL of version ids: the one of a row, and those that a zone has had. Only reads."""

from __future__ import annotations

import sqlite3
from typing import Final

from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Kind, Owner
from directdnsonly.zone.name import ZoneName

PAST: Final = "SELECT stated FROM past WHERE zone = ?"
VERSIONS: Final = (
    "SELECT stated, kind, digest, serial, credential, hostname, username FROM version WHERE zone = ? AND version < ?"
    " ORDER BY version"
)


def of_row(stated: bytes, kind: str, digest: bytes, serial: int, owner: Owner) -> bytes:
    """The id of a version. `stated` empty: an earlier program wrote it, and the id is made of the rest."""
    if stated:
        return stated
    return identity.of_zone(digest, serial, owner) if kind == Kind.PUT else identity.of_delete(identity.NOTHING)


def past(connection: sqlite3.Connection, name: ZoneName, version: int) -> tuple[bytes, ...]:
    """The ids that a zone has had before this version of it, as far as they are kept, the oldest first."""
    row = connection.execute(PAST, (name,)).fetchone()
    versions = [
        of_row(stated, kind, digest, serial, Owner(credential=credential, hostname=hostname, username=username))
        for stated, kind, digest, serial, credential, hostname, username in connection.execute(
            VERSIONS, (name, version)
        )
    ]
    return (*identity.split(bytes(row[0]) if row else b""), *versions)
