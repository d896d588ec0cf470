"""Housekeeping: old history is forgotten in small steps, by a clock that is believed, and what peers compare is made ready."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from directdnsonly.bell import Bell
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.operate.journal import Journal
from directdnsonly.outbox.store.upkeep import Upkeep
from directdnsonly.wording import counted

EVERY_S: Final = 3600.0
PAUSE_S: Final = 0.2  # between steps, so that no push waits for it


class Housekeeping:
    """The actor. Use within one event loop. `peers`: the names of those without whose knowledge no delete is forgotten."""

    def __init__(
        self,
        upkeep: Upkeep,
        journal: Journal,
        *,
        peers: Callable[[], Sequence[str]] = tuple,
        on_trouble: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_trouble` is called when the store cannot be written."""
        self._upkeep = upkeep
        self._journal = journal
        self._peers = peers
        self._on_trouble = on_trouble
        self._wanted = Bell()
        self._clock_is_doubted = False

    def wake(self) -> None:
        """There is something to do now."""
        self._wanted.ring()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.run_once()
            await self._wanted.heard(EVERY_S)

    async def run_once(self) -> None:
        """All that is to be done."""
        try:
            await self.judge_clock()
            while await self._upkeep.prune(peers=self._peers()):
                await asyncio.sleep(PAUSE_S)
        except OutboxUnavailable as error:
            structlog.get_logger().warning("store.unavailable", reason=str(error), task="housekeeping")
            self._on_trouble()
        except Exception:  # noqa: BLE001 - beside the line: the door goes on
            structlog.get_logger().exception("housekeeping.failed")

    async def judge_clock(self) -> None:
        """Whether the clock leapt while we were down; told when that begins and when it is over. Raises OutboxUnavailable."""
        ahead_s = await self._upkeep.judge_clock()
        if self._clock_is_doubted is not bool(ahead_s):
            self._clock_is_doubted = bool(ahead_s)
            event = "clock.doubted" if ahead_s else "clock.believed"
            detail = f"it is {counted(round(ahead_s / 86_400), 'day')} ahead of what was seen last" if ahead_s else ""
            await self._journal.tell(event, actor="service", detail=detail, line={"reason": detail}, warn=True)
