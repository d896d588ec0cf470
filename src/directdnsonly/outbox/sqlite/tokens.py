"""SQL of the operators' tables: tokens, paused backends."""

from __future__ import annotations

import sqlite3

from directdnsonly.outbox.operators import ApiToken, Pause


def tokens(connection: sqlite3.Connection) -> list[tuple[bytes, ApiToken]]:
    """Every token with the digest by which it is recognised."""
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
    """Store a new token."""
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
    """Delete a token; returns whether it existed."""
    return connection.execute("DELETE FROM api_token WHERE id = ?", (token_id,)).rowcount > 0


def pauses(connection: sqlite3.Connection) -> dict[str, Pause]:
    """The paused backends."""
    rows = connection.execute("SELECT name, actor, reason, at FROM paused_backend")
    return {row[0]: Pause(actor=row[1], reason=row[2], at=row[3]) for row in rows}


def pause(connection: sqlite3.Connection, name: str, given: Pause) -> None:
    """Store a backend's pause; an existing one stays."""
    connection.execute(
        "INSERT INTO paused_backend (name, actor, reason, at) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
        (name, given.actor, given.reason, given.at),
    )


def resume(connection: sqlite3.Connection, name: str) -> bool:
    """Remove a backend's pause; returns whether there was one."""
    return connection.execute("DELETE FROM paused_backend WHERE name = ?", (name,)).rowcount > 0
