"""Audits that a bundled name server exited or hung, for whoever looks long after it has recovered."""

from __future__ import annotations

import asyncio
from typing import Final

from directdnsonly.clock import Clock
from directdnsonly.nameservers.contract import DaemonStatus
from directdnsonly.operate.journal import Journal
from directdnsonly.wording import counted

TOLD_EVERY_S: Final = 600.0  # of one backend: one that ends every ten seconds must not push all else off the page


class Restarts:
    """Keeps one event per `TOLD_EVERY_S` for a name server that exits repeatedly, with a count; the log has every time."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self._told_at: dict[str, float] = {}
        self._waiting: asyncio.Queue[tuple[float, str]] = asyncio.Queue()

    def note(self, backend: str, status: DaemonStatus) -> None:
        """Note that a name server is about to be restarted. Does not wait for the store, because the restart comes first."""
        now = self._clock.now_s()
        if now - self._told_at.get(backend, -TOLD_EVERY_S) >= TOLD_EVERY_S:
            self._told_at[backend] = now
            restarts = counted(status.restarts, "restart")
            self._waiting.put_nowait((now, f"{backend}: {status.reason} ({restarts} since our start)"))

    async def run(self) -> None:
        """Keep events until cancelled."""
        while True:
            await self.run_once()

    async def run_once(self) -> None:
        """Keep the next event; if the store cannot take it, it is in the log only."""
        at, detail = await self._waiting.get()
        await self._journal.keep("nameserver.exited", actor="service", detail=detail, at=at)
