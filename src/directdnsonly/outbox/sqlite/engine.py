"""An open SQLite store: one writing connection (WAL, synchronous=FULL), two reading ones, the clock, the settings.

The parts of the store (recording, approval, work, looking, drift, operators, upkeep) are made over one of these. One
process owns a store: a second one is refused at start (the lock file `outbox.lock` beside it).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from directdnsonly.clock import Clock
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import buckets, deliveries, whole
from directdnsonly.outbox.sqlite.capacity import Capacity
from directdnsonly.outbox.sqlite.connection import FILE_NAME, Connection, limit_pages, open_reader, open_writer
from directdnsonly.outbox.sqlite.group_commit import GroupCommit
from directdnsonly.outbox.sqlite.lock import FOLDER_CURE, own
from directdnsonly.outbox.sqlite.migrate import migrate
from directdnsonly.outbox.sqlite.write import Setting
from directdnsonly.outbox.watch import ZoneWatch

T = TypeVar("T")

PAGES_OF_A_MB = 256  # pages of 4 KiB


class Engine:
    """The parts shared by the store's classes. Use within one event loop. `reader` serves pushes; `viewer` serves people's slower queries."""

    def __init__(
        self,
        *,
        folder: Path,
        settings: OutboxSettings,
        clock: Clock,
        backends: Sequence[str],
        writer: Connection,
        reader: Connection,
        viewer: Connection,
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.clock = clock
        self.backends = tuple(backends)
        self.writer = writer
        self.reader = reader
        self.viewer = viewer
        self.capacity = Capacity(folder=folder, settings=settings, clock=clock, reader=reader)
        self.commits = GroupCommit(writer, largest_group=settings.commit_batch)
        self.settled = ZoneWatch()
        self.ahead_s = 0.0  # by so much the clock is not believed
        self.compares = False  # what peers compare is wanted

    async def write(self, function: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> T:
        """Run a write in the next transaction. `durable` False: a power loss may undo it, because it is then repeated (claims, proofs)."""
        return await self.commits.submit(function, durable=durable)

    def believed_s(self) -> float:
        """The trusted time, by which history is deleted and grace periods end, epoch seconds (see `outbox.doubt`)."""
        return self.clock.now_s() - self.ahead_s

    def setting(self) -> Setting:
        """The values that every write needs now."""
        return Setting(self.clock.now_s(), self.backends, self.settings.history_versions, self.compares)

    async def follow(self, settings: OutboxSettings) -> None:
        """Keep and refuse by these from now on; how long it waits for a lock, and where it is, stay as they were opened.

        Raises OutboxUnavailable: then nothing is another way.
        """
        if settings.max_store_mb != self.settings.max_store_mb:
            await self.writer.call(partial(limit_pages, pages=settings.max_store_mb * PAGES_OF_A_MB))
        self.settings = settings
        self.capacity.follow(settings)
        self.commits.largest_group = settings.commit_batch

    def chosen(self, backend: str) -> tuple[str, ...]:
        """The active backends, or only the one of that name; empty if it is not active."""
        return self.backends if not backend else tuple(name for name in self.backends if name == backend)

    def size_bytes(self) -> int:
        """The size of the store on disk, with its write-ahead log."""
        return sum(path.stat().st_size for path in self.folder.glob(f"{FILE_NAME}*"))


@asynccontextmanager
async def open_engine(
    folder: Path, *, settings: OutboxSettings, clock: Clock, backends: Sequence[str]
) -> AsyncIterator[Engine]:
    """The store in `folder`: checked, migrated and locked, with its committer running. Raises OutboxUnavailable, OutboxTooNew."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutboxUnavailable(f"cannot make the store's folder {folder}: {error.strerror}: {FOLDER_CURE}") from error
    async with AsyncExitStack() as opened:
        opened.callback(os.close, own(folder / "outbox.lock"))
        try:
            writer, reader, viewer = await _connect(folder / FILE_NAME, settings, opened)
        except OutboxUnavailable as error:
            raise OutboxUnavailable(f"cannot open the store {folder / FILE_NAME}: {error}") from error
        engine = Engine(
            folder=folder,
            settings=settings,
            clock=clock,
            backends=backends,
            writer=writer,
            reader=reader,
            viewer=viewer,
        )
        engine.compares = (await writer.call(buckets.keeping)).is_wanted
        async with asyncio.TaskGroup() as actors:
            actors.create_task(engine.commits.run(), name="outbox:committer")
            try:
                yield engine
            finally:
                engine.commits.close()


async def _connect(
    path: Path, settings: OutboxSettings, opened: AsyncExitStack
) -> tuple[Connection, Connection, Connection]:
    """The one that writes, for which the file was looked at and migrated, and two that read; closed with `opened`."""
    busy_s = settings.busy_timeout_s
    writer = await open_writer(path, busy_timeout_s=busy_s, max_pages=settings.max_store_mb * PAGES_OF_A_MB)
    opened.push_async_callback(writer.close)
    for prepare in (whole.require_whole, migrate, buckets.prepare, deliveries.prepare):
        await writer.call(prepare)
    reader = await open_reader(path, busy_timeout_s=busy_s)
    opened.push_async_callback(reader.close)
    viewer = await open_reader(path, busy_timeout_s=busy_s)
    opened.push_async_callback(viewer.close)
    return writer, reader, viewer
