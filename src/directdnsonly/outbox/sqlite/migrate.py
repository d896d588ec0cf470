"""Numbered SQL files, applied in order at start, each in one transaction."""

from __future__ import annotations

import sqlite3
from importlib import resources

from directdnsonly.errors import OutboxTooNew, OutboxUnavailable


def migrations() -> list[tuple[int, str]]:
    """Number and text of each migration of the SQLite store, in order."""
    folder = resources.files("directdnsonly.outbox.sqlite") / "migrations"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name.split("_")[0]), (folder / name).read_text(encoding="utf-8")) for name in files]


def migrate(connection: sqlite3.Connection) -> int:
    """Migrate the store to this program's schema; returns the schema's number. Raises OutboxTooNew, OutboxUnavailable, changing nothing."""
    known = migrations()
    newest = known[-1][0]
    present = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if present > newest:
        raise OutboxTooNew(
            f"the store has schema {present}, this program knows {newest}: run the newer program, or restore a backup"
        )
    if not present and connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise OutboxUnavailable("it is another program's database: move it away, or choose another queue_location")
    for number, sql in known:
        if number > present:
            try:
                connection.executescript(f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
    return newest
