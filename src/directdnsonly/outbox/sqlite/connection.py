"""An aiosqlite connection that runs a whole function on its thread in one hop, and other details of SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import aiosqlite

from directdnsonly.errors import OutboxUnavailable

T = TypeVar("T")

FILE_NAME = "outbox.sqlite"
MOST_PAGES = 4_294_967_294  # sqlite.org/limits.html; an older one takes its own most instead
CURE = (
    "put a backup in its place (dadns restore COPY --replace), or move it away with its -wal and -shm and start with an"
    " empty store: the name servers keep what they serve, and DirectAdmin has to push its zones again"
)


class Connection(aiosqlite.Connection):
    """An aiosqlite connection with `call`: one thread hop for many statements (a hop costs 15 us: docs/adr/0008)."""

    file = ""

    async def call(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run `function` on the connection's thread. SQLite's own errors become OutboxUnavailable."""
        try:
            return await self._execute(function, self._conn)  # type: ignore[no-any-return, no-untyped-call]
        except sqlite3.Error as error:
            raise unavailable(error, self.file) from error
        except ValueError as error:  # aiosqlite says this when it is closed
            raise OutboxUnavailable(f"the store is closed: {error}") from error

    async def opened(self) -> Connection:
        """Open the connection; if that fails, wait for its thread, which would otherwise report to a closed loop."""
        try:
            await self
        except sqlite3.Error as error:
            await asyncio.to_thread(self._thread.join)  # aiosqlite has told it to end
            raise unavailable(error, self.file) from error
        return self


def unavailable(error: sqlite3.Error, file: str) -> OutboxUnavailable:
    """OutboxUnavailable for an SQLite error, with what an operator can do; chosen by SQLite's result code, not its text."""
    code = getattr(error, "sqlite_errorname", "") or type(error).__name__
    hints = {
        "SQLITE_FULL": "the disk (or the size limit) of the store is full: free space; pushes are accepted again by itself",
        "SQLITE_IOERR_SHMSIZE": "the disk of the store is full, or reports errors: free space",  # ENOSPC at the start
        "SQLITE_BUSY": "another program holds the store locked (a backup?)",
        "SQLITE_LOCKED": "another program holds the store locked (a backup?)",
        "SQLITE_READONLY": "the store cannot be written: check the owner and mode of its folder",
        "SQLITE_CANTOPEN": "the store cannot be opened: see that it is a file, and check the owner and mode of its folder",
        "SQLITE_CORRUPT": f"the store {file} is damaged: stop the service, then {CURE}",
        "SQLITE_NOTADB": f"the file is not a store of ours: {CURE}",
    }
    family = "_".join(code.split("_")[:2])
    hint = hints.get(code) or hints.get(family) or ("the disk reports errors" if family == "SQLITE_IOERR" else "")
    full = family in {"SQLITE_FULL", "SQLITE_IOERR"}  # or it cannot be told apart from that
    return OutboxUnavailable(f"{error} [{code}]" + (f": {hint}" if hint else ""), full=full)


def _open(path: Path, pragmas: Sequence[str], *, busy_timeout_s: float) -> sqlite3.Connection:
    """A connection set up so; what cannot be set up is closed again, whoever keeps the error."""
    connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, cached_statements=256)
    try:
        for pragma in ("foreign_keys = OFF", *pragmas):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


async def open_writer(path: Path, *, busy_timeout_s: float, max_pages: int = 0) -> Connection:
    """The only connection that writes and checkpoints (before SQLite 3.51.3 two can corrupt a WAL: sqlite.org/wal.html)."""
    pragmas = [
        "auto_vacuum = INCREMENTAL",
        "journal_mode = WAL",
        "synchronous = FULL",  # error=0 means on disk: NORMAL would lose acked pushes
        "temp_store = MEMORY",
        *([f"max_page_count = {int(max_pages)}"] if max_pages else []),
    ]
    return await _connect(path, pragmas, busy_timeout_s=busy_timeout_s)


def limit_pages(connection: sqlite3.Connection, *, pages: int) -> None:
    """The largest size of the file; 0: as large as SQLite can make one. A smaller one than it has does not shrink it."""
    connection.execute(f"PRAGMA max_page_count = {int(pages) or MOST_PAGES}")


async def open_reader(path: Path, *, busy_timeout_s: float) -> Connection:
    """A connection that can only read and never checkpoints."""
    return await _connect(path, ["query_only = 1", "wal_autocheckpoint = 0"], busy_timeout_s=busy_timeout_s)


async def _connect(path: Path, pragmas: Sequence[str], *, busy_timeout_s: float) -> Connection:
    connection = Connection(partial(_open, path, pragmas, busy_timeout_s=busy_timeout_s), iter_chunk_size=64)
    connection.file = str(path)
    return await connection.opened()
