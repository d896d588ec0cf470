"""SQL of changes' terms: idempotency keys, and the zone counts of limited credentials."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from directdnsonly.errors import KeyTaken
from directdnsonly.outbox.changes import Origin, Terms
from directdnsonly.outbox.operators import Repeated
from directdnsonly.outbox.sqlite import told
from directdnsonly.zone.warn import ZoneWarning

KEYS_KEPT_S: Final = 86_400.0  # as long as anybody repeats a request

FIND_KEY: Final = "SELECT fingerprint, change_id, warnings FROM idempotency WHERE credential = ? AND key = ? AND at > ?"
FORGET_KEYS: Final = "DELETE FROM idempotency WHERE (credential, key) IN (SELECT credential, key FROM idempotency WHERE at <= ? LIMIT 100)"
# A key that still counts is never written over: that would be a second change under one key.
_KEEP_KEY = """
INSERT INTO idempotency (credential, key, fingerprint, change_id, warnings, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (credential, key) DO UPDATE SET fingerprint = excluded.fingerprint, change_id = excluded.change_id,
       warnings = excluded.warnings, at = excluded.at WHERE idempotency.at <= ?7"""

COUNTED: Final = "SELECT zones FROM credential_zones WHERE credential = ?"
_COUNT = "SELECT credential, COUNT(*) FROM zone WHERE kind = 'put' GROUP BY credential"  # walks through every zone


def count_limited(connection: sqlite3.Connection, credentials: Sequence[str]) -> None:
    """Count the zones of credentials that have a limit, once for each; triggers keep the counts from then on."""
    new = [name for name in credentials if connection.execute(COUNTED, (name,)).fetchone() is None]
    if new:
        zones: dict[str, int] = dict(connection.execute(_COUNT).fetchall())
        connection.executemany(
            "INSERT INTO credential_zones (credential, zones) VALUES (?, ?)",
            [(name, zones.get(name, 0)) for name in new],
        )


def find_key(connection: sqlite3.Connection, credential: str, key: str, *, now: float) -> Repeated | None:
    """The outcome of an earlier request with this key within a day; None if there was none."""
    row = connection.execute(FIND_KEY, (credential, key, now - KEYS_KEPT_S)).fetchone()
    if row is None:
        return None
    return Repeated(fingerprint=bytes(row[0]), change_id=row[1], warnings=told.warnings_in(row[2]))


def keep_key(
    connection: sqlite3.Connection, terms: Terms, origin: Origin, warnings: Sequence[ZoneWarning], *, now: float
) -> int:
    """Keep a request's outcome, and delete some of those older than a day. Raises KeyTaken."""
    credential, oldest = origin.owner.credential, now - KEYS_KEPT_S
    connection.execute(FORGET_KEYS, (oldest,))
    values = (credential, terms.key, terms.fingerprint, origin.change_id, told.of_warnings(warnings), now, oldest)
    kept = connection.execute(_KEEP_KEY, values).rowcount
    if not kept:
        raise KeyTaken(terms.key)
    return kept
