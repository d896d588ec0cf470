"""Back-pressure: pushes are refused above a backlog, or when they would use the disk's reserve."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from directdnsonly.clock import Clock
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import Connection
from directdnsonly.outbox.sqlite.view import COUNT_DUE
from directdnsonly.wording import counted

LOOK_EVERY_S = 2.0  # disk and backlog are looked at this often, not per push
PAGE_BYTES = 4096
PAGES_OF_A_PUSH = 8  # of a small one: a store that is nearer to `max_store_mb` is full, whatever comes next
REFUSED_PUSH_COUNTS_S = 60.0  # at least, as long as nobody pushed again; the room of a disk goes up and down by itself
ROOM_BYTES = 256 * 1024  # by so much the room must grow until a push that did not fit is thought to fit


class Capacity:
    """Whether the store has room for more, and if not, why."""

    def __init__(self, *, folder: Path, settings: OutboxSettings, clock: Clock, reader: Connection) -> None:
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._reader = reader
        self._looked_at = float("-inf")
        self._backlog = 0
        self._full = ""
        self._refused: OutboxUnavailable | None = None  # why the last push could not be committed; None when it was
        self._refused_at, self._room_then = 0.0, 0
        self._pages_left = settings.max_store_mb * 2**20 // PAGE_BYTES  # as long as nobody looked

    def follow(self, settings: OutboxSettings) -> None:
        """Other limits, by which the next push is judged."""
        self._settings = settings
        self._looked_at, self._refused = float("-inf"), None

    async def require(self) -> None:
        """Raises OutboxUnavailable if no push may be accepted."""
        now = self._clock.now_s()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            await self._look()
        if self._full:
            raise OutboxUnavailable(self._full)
        if self._backlog >= self._settings.max_backlog:
            raise OutboxUnavailable(
                f"{counted(self._backlog, 'delivery is', 'deliveries are')} outstanding, the limit is {self._settings.max_backlog}:"
                " look at the backends (dadns status)"
            )

    async def require_now(self) -> None:
        """As `require`, but checks again, after something small was committed.

        A push needs more room than that: one that did not fit counts until there is more, or a push was kept.
        """
        self._looked_at = float("-inf")
        await self.require()
        if self._refused is not None and self._refused.full and not self._has_changed():
            raise OutboxUnavailable(str(self._refused), full=True)
        self._refused = None

    def _has_changed(self) -> bool:
        """Whether a push may fit that did not when the last one came: after a while, if there is more room."""
        is_new = self._clock.now_s() - self._refused_at < REFUSED_PUSH_COUNTS_S
        return not is_new and self.room_bytes() >= self._room_then + ROOM_BYTES

    def room_bytes(self) -> int:
        """How many bytes the store can grow: free disk space, or what `max_store_mb` leaves, as last checked."""
        free = shutil.disk_usage(self._folder).free
        return min(free, max(self._pages_left, 0) * PAGE_BYTES) if self._settings.max_store_mb else free

    def kept(self, deliveries: int) -> None:
        """Note a committed push and the number of deliveries that it made."""
        self._refused = None
        self._backlog += deliveries

    def refused(self, error: OutboxUnavailable) -> None:
        """Note that a push could not be committed."""
        self._refused, self._refused_at, self._room_then = error, self._clock.now_s(), self.room_bytes()

    async def _look(self) -> None:
        self._backlog, used = await self._reader.call(_count)
        free_mb, reserve_mb = shutil.disk_usage(self._folder).free // 2**20, self._settings.disk_reserve_mb
        limit_mb = self._settings.max_store_mb
        self._pages_left = limit_mb * 2**20 // PAGE_BYTES - used
        self._full = ""
        if free_mb < reserve_mb:
            self._full = (
                f"only {free_mb} MB are free on the store's disk, {reserve_mb} MB are kept in reserve: free space"
            )
        elif limit_mb and self._pages_left < PAGES_OF_A_PUSH:
            self._full = f"the store is full: it has reached its {limit_mb} MB (outbox.max_store_mb): raise that, then dadns reload"


def _count(connection: sqlite3.Connection) -> tuple[int, int]:
    """Deliveries outstanding, and pages in use."""
    due, pages, free = (
        connection.execute(asked).fetchone()[0] for asked in (COUNT_DUE, "PRAGMA page_count", "PRAGMA freelist_count")
    )
    return int(due), int(pages) - int(free)
