"""In the audit: a bundled name server ended or hung, for whoever looks when it has long been well again."""

from __future__ import annotations

import asyncio
from typing import Final

from directdnsonly.clock import Clock
from directdnsonly.nameservers.contract import DaemonStatus
from directdnsonly.operate.journal import Journal
from directdnsonly.wording import counted

TOLD_EVERY_S: Final = 600.0  # of one backend: one that ends every ten seconds must not push all else off the page


class Restarts:
    """One that ends again and again is told once in `TOLD_EVERY_S`, with how often it was; the log has each time."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self._told_at: dict[str, float] = {}
        self._waiting: asyncio.Queue[tuple[float, str]] = asyncio.Queue()

    def note(self, backend: str, status: DaemonStatus) -> None:
        """It is about to be started again. Does not wait for the store: a name server that is away comes first."""
        now = self._clock.now_s()
        if now - self._told_at.get(backend, -TOLD_EVERY_S) >= TOLD_EVERY_S:
            self._told_at[backend] = now
            restarts = counted(status.restarts, "restart")
            self._waiting.put_nowait((now, f"{backend}: {status.reason} ({restarts} since our start)"))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.run_once()

    async def run_once(self) -> None:
        """Keep the next one. What the store cannot take stands in the log alone."""
        at, detail = await self._waiting.get()
        await self._journal.keep("nameserver.exited", actor="service", detail=detail, at=at)
