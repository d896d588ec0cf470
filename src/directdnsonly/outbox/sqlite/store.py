"""The store in one SQLite file: an engine and the parts built on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from directdnsonly.clock import Clock
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.approval import SqliteApproval
from directdnsonly.outbox.sqlite.drift import SqliteDrift
from directdnsonly.outbox.sqlite.engine import Engine, open_engine
from directdnsonly.outbox.sqlite.looking import SqliteLooking
from directdnsonly.outbox.sqlite.operators import SqliteOperators
from directdnsonly.outbox.sqlite.peering import SqlitePeering
from directdnsonly.outbox.sqlite.recording import SqliteRecording
from directdnsonly.outbox.sqlite.upkeep import SqliteUpkeep
from directdnsonly.outbox.sqlite.work import SqliteWork


class SqliteStore:
    """Implements `store.Store` on one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.recording = SqliteRecording(engine)
        self.approval = SqliteApproval(engine)
        self.work = SqliteWork(engine)
        self.looking = SqliteLooking(engine)
        self.drift = SqliteDrift(engine)
        self.operators = SqliteOperators(engine)
        self.peering = SqlitePeering(engine)
        self.upkeep = SqliteUpkeep(engine)


@asynccontextmanager
async def open_store(
    folder: Path, *, settings: OutboxSettings, clock: Clock, backends: Sequence[str]
) -> AsyncIterator[SqliteStore]:
    """The store in `folder`, open until the block ends. Raises OutboxUnavailable, OutboxTooNew."""
    async with open_engine(folder, settings=settings, clock=clock, backends=backends) as engine:
        yield SqliteStore(engine)
