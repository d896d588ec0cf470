"""Back-pressure: pushes are refused rather than kept above a backlog or in the disk's reserve."""

from __future__ import annotations

import shutil
from pathlib import Path

from directdnsonly.clock import Clock
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox._connection import Connection
from directdnsonly.outbox._view import COUNT_DUE
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.wording import counted

LOOK_EVERY_S = 2.0  # disk and backlog are looked at this often, not per push
REFUSED_PUSH_COUNTS_S = 60.0  # as long as nobody pushed again


class Capacity:
    """Whether the store has room for more, and why not."""

    def __init__(self, *, folder: Path, settings: OutboxSettings, clock: Clock, reader: Connection) -> None:
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._reader = reader
        self._looked_at = float("-inf")
        self._backlog = 0
        self._full = ""
        self._refused = ""  # why the last push could not be committed; empty when it was
        self._refused_at = 0.0

    async def require(self) -> None:
        """Raises OutboxUnavailable when a push must not be taken."""
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
        """As `require`, looking anew. A push needs more room than any probe writes: what the last one met counts, too."""
        if self._refused and self._clock.now_s() - self._refused_at < REFUSED_PUSH_COUNTS_S:
            raise OutboxUnavailable(self._refused)
        self._looked_at = float("-inf")
        await self.require()

    def kept(self, deliveries: int) -> None:
        """A push was committed, and made so much work."""
        self._refused = ""
        self._backlog += deliveries

    def refused(self, error: OutboxUnavailable) -> None:
        """A push could not be committed."""
        self._refused, self._refused_at = str(error), self._clock.now_s()

    async def _look(self) -> None:
        self._backlog = await self._reader.call(lambda connection: int(connection.execute(COUNT_DUE).fetchone()[0]))
        free_mb, reserve_mb = shutil.disk_usage(self._folder).free // 2**20, self._settings.disk_reserve_mb
        self._full = (
            f"only {free_mb} MB are free on the store's disk, {reserve_mb} MB are kept in reserve: free space"
            if free_mb < reserve_mb
            else ""
        )
