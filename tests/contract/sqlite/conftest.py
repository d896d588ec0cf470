"""The one thing that the exercises ask of an engine: what opens its store."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from tests.contract.store_exercises.opening import BACKENDS, clock, store  # noqa: F401 - fixtures


class Opener:
    """Opens and closes the store of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self._stack = AsyncExitStack()

    async def open(self, *, backends: list[str] | None = None, **settings: object) -> SqliteStore:
        chosen = BACKENDS if backends is None else backends
        opened = await self._stack.enter_async_context(
            open_store(
                self.folder,
                settings=OutboxSettings(**{"disk_reserve_mb": 0, **settings}),
                clock=self.clock,
                backends=chosen,
            )
        )
        await opened.upkeep.adopt_backends(chosen)
        return opened

    def rows(self) -> dict[str, int]:
        with closing(sqlite3.connect(self.folder / FILE_NAME)) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            return {name: connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in tables}

    async def close(self) -> None:
        await self._stack.aclose()
        self._stack = AsyncExitStack()


@pytest.fixture
async def opener(tmp_path: Path) -> AsyncIterator[Opener]:
    it = Opener(tmp_path / "store")
    yield it
    await it.close()
