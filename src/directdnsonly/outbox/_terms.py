"""SQL of the terms of a change: conditions that are judged, and the key that is kept, in the change's own transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from directdnsonly.errors import KeyTaken, OutboxUnavailable, VersionConflict, ZonePolicyError
from directdnsonly.outbox import _standing, _told, _write
from directdnsonly.outbox.operators import Repeated
from directdnsonly.outbox.ownership import owner_after
from directdnsonly.outbox.records import NewDeletion, NewVersion, Origin, Receipt, Terms
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName
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


def record_push(
    connection: sqlite3.Connection, push: NewVersion, *, backends: Sequence[str], now: float, keep_versions: int
) -> Receipt:
    """Record a push under its terms. Raises VersionConflict, ZonePolicyError, KeyTaken, OutboxUnavailable; then nothing is recorded."""

    def record() -> Receipt:
        return _write.record_push(connection, push, backends=backends, now=now, keep_versions=keep_versions)

    if push.terms.max_zones:
        _require_room(connection, push)
    return _under(connection, push.zone.name, push.origin, push.terms, record, now=now)


def record_delete(
    connection: sqlite3.Connection, deletion: NewDeletion, *, backends: Sequence[str], now: float, keep_versions: int
) -> Receipt:
    """Record a delete under its terms. Raises as `record_push`."""

    def record() -> Receipt:
        return _write.record_delete(connection, deletion, backends=backends, now=now, keep_versions=keep_versions)

    return _under(connection, deletion.name, deletion.origin, deletion.terms, record, now=now)


def count_limited(connection: sqlite3.Connection, credentials: Sequence[str]) -> None:
    """Count the zones of credentials that have a limit, once in the life of each; from then on the triggers count."""
    new = [name for name in credentials if connection.execute(COUNTED, (name,)).fetchone() is None]
    if new:
        zones: dict[str, int] = dict(connection.execute(_COUNT).fetchall())
        connection.executemany(
            "INSERT INTO credential_zones (credential, zones) VALUES (?, ?)",
            [(name, zones.get(name, 0)) for name in new],
        )


def find_key(connection: sqlite3.Connection, credential: str, key: str, *, now: float) -> Repeated | None:
    """What an earlier request with this key became, within a day."""
    row = connection.execute(FIND_KEY, (credential, key, now - KEYS_KEPT_S)).fetchone()
    if row is None:
        return None
    return Repeated(fingerprint=bytes(row[0]), change_id=row[1], warnings=_told.warnings_in(row[2]))


def _under(
    connection: sqlite3.Connection,
    name: ZoneName,
    origin: Origin,
    terms: Terms,
    record: Callable[[], Receipt],
    *,
    now: float,
) -> Receipt:
    if terms.expected_version is not None:
        _require_version(connection, name, terms.expected_version)
    receipt = record()
    _standing.accepted(connection, receipt)
    if terms.key and not receipt.gives_way:
        _keep_key(connection, terms, origin, receipt.warnings, now=now)
    return receipt


def _require_version(connection: sqlite3.Connection, name: ZoneName, expected: int) -> None:
    """The newest version counts, also while a pin holds another: who was not shown that one must not write over it."""
    living = _write.look(connection, name).living
    version = living.version if living is not None else 0
    if version != expected:
        raise VersionConflict(name, expected=expected, newest=version)


def _require_room(connection: sqlite3.Connection, push: NewVersion) -> None:
    """A push that gives its credential one more zone needs room for it."""
    there = _write.look(connection, push.zone.name).there
    living, buried = there.zone, there.buried
    credential = push.origin.owner.credential
    has_it = living is not None and living.credential == credential
    if has_it or owner_after(living, buried, push).credential != credential:
        return
    row = connection.execute(COUNTED, (credential,)).fetchone()
    if row is None:
        raise OutboxUnavailable(f"the zones of {credential}, which has a limit, were not counted at the start")
    if row[0] >= push.terms.max_zones:
        raise ZonePolicyError(
            f"{credential} may hold {counted(push.terms.max_zones, 'zone')} at most", rule="credential-zones"
        )


def _keep_key(
    connection: sqlite3.Connection, terms: Terms, origin: Origin, warnings: Sequence[ZoneWarning], *, now: float
) -> None:
    """Keep what the request became; forgets what is older than a day, a few at a time."""
    credential, oldest = origin.owner.credential, now - KEYS_KEPT_S
    connection.execute(FORGET_KEYS, (oldest,))
    values = (credential, terms.key, terms.fingerprint, origin.change_id, _told.of_warnings(warnings), now, oldest)
    if not connection.execute(_KEEP_KEY, values).rowcount:
        raise KeyTaken(terms.key)
