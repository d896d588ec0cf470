"""SQL of the operators' tables: tokens, paused backends, keys of repeated requests."""

from __future__ import annotations

import json
import sqlite3

from directdnsonly.outbox.operators import ApiToken, Pause, Repeated

KEYS_KEPT_S = 86_400.0  # as long as anybody repeats a request


def tokens(connection: sqlite3.Connection) -> list[tuple[bytes, ApiToken]]:
    """Every token with the digest that it is known by."""
    rows = connection.execute(
        "SELECT digest, id, name, roles, networks, created_by, created_at, expires_at FROM api_token ORDER BY created_at"
    )
    return [
        (
            bytes(row[0]),
            ApiToken(
                id=row[1],
                name=row[2],
                roles=tuple(row[3].split()),
                networks=tuple(row[4].split()),
                created_by=row[5],
                created_at=row[6],
                expires_at=row[7],
            ),
        )
        for row in rows
    ]


def add_token(connection: sqlite3.Connection, token: ApiToken, digest: bytes) -> None:
    """Keep a new token."""
    connection.execute(
        "INSERT INTO api_token (id, name, digest, roles, networks, created_by, created_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            token.id,
            token.name,
            digest,
            " ".join(token.roles),
            " ".join(token.networks),
            token.created_by,
            token.created_at,
            token.expires_at,
        ),
    )


def remove_token(connection: sqlite3.Connection, token_id: str) -> bool:
    """Forget a token; whether there was one."""
    return connection.execute("DELETE FROM api_token WHERE id = ?", (token_id,)).rowcount > 0


def pauses(connection: sqlite3.Connection) -> dict[str, Pause]:
    """The paused backends."""
    rows = connection.execute("SELECT name, actor, reason, at FROM paused_backend")
    return {row[0]: Pause(actor=row[1], reason=row[2], at=row[3]) for row in rows}


def pause(connection: sqlite3.Connection, name: str, given: Pause) -> None:
    """Keep that a backend is paused; the first who did so stays."""
    connection.execute(
        "INSERT INTO paused_backend (name, actor, reason, at) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
        (name, given.actor, given.reason, given.at),
    )


def resume(connection: sqlite3.Connection, name: str) -> bool:
    """A backend is no longer paused; whether it was."""
    return connection.execute("DELETE FROM paused_backend WHERE name = ?", (name,)).rowcount > 0


def repeated(connection: sqlite3.Connection, credential: str, key: str, *, now: float) -> Repeated | None:
    """What an earlier request with this key became, within a day."""
    row = connection.execute(
        "SELECT fingerprint, change_id, warnings FROM idempotency WHERE credential = ? AND key = ? AND at > ?",
        (credential, key, now - KEYS_KEPT_S),
    ).fetchone()
    if row is None:
        return None
    return Repeated(fingerprint=bytes(row[0]), change_id=row[1], warnings=tuple(json.loads(row[2])))


def keep_key(connection: sqlite3.Connection, credential: str, key: str, what: Repeated, *, now: float) -> None:
    """Keep what a request became; forgets what is older than a day, a few at a time."""
    connection.execute(
        "DELETE FROM idempotency WHERE (credential, key) IN"
        " (SELECT credential, key FROM idempotency WHERE at <= ? LIMIT 100)",
        (now - KEYS_KEPT_S,),
    )
    connection.execute(
        "INSERT INTO idempotency (credential, key, fingerprint, change_id, warnings, at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (credential, key) DO UPDATE SET fingerprint = excluded.fingerprint,"
        " change_id = excluded.change_id, warnings = excluded.warnings, at = excluded.at",
        (credential, key, what.fingerprint, what.change_id, json.dumps(what.warnings), now),
    )


def zones_of(connection: sqlite3.Connection, credential: str) -> int:
    """How many living zones belong to a credential.

    Reads the whole table: an index would cost every push a page, and only a new zone of a limited credential asks.
    """
    row = connection.execute(
        "SELECT COUNT(*) FROM zone WHERE credential = ? AND kind = 'put'", (credential,)
    ).fetchone()
    return int(row[0])
