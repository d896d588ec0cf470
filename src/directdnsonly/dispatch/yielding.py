"""A bulk gives way to those who ask the name server. What people wait for never does.

While a bulk batch is under way an actor asks each name server fifty times a second and measures how long the answer takes
to arrive. When that is longer than `dispatch.bulk_slows_answers` times what it took before the bulk, the workers rest
before the next batch, twice as long each time, and half as long as soon as answers are quick again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from directdnsonly.backends.contract import ServerAddress
from directdnsonly.dispatch.pace import Pace
from directdnsonly.verify.answer_time import AnswerTimer

MANY = 20  # zones of a batch; fewer are not felt
QUIET_QUESTIONS = 3
EVERY_S = 0.02
IDLE_S = 1.0  # a bulk that begins so long after the last one finds the name server as it is without us


class Yielding:
    """Of one lane. `run` is an actor."""

    def __init__(self, servers: Sequence[ServerAddress], factor: float) -> None:
        """`factor`: how many times as long as alone answers may take; 0: a bulk never rests."""
        known = [(AnswerTimer(server.host, server.port), Pace(factor)) for server in servers]
        self._servers = known if factor > 0 else []
        self._batches = 0
        self._busy = asyncio.Event()
        self._idle_since = float("-inf")  # of the loop's clock

    @asynccontextmanager
    async def beside(self, zones: int) -> AsyncIterator[None]:
        """While the block runs a bulk batch of so many zones is under way, and its effect is measured; then comes the rest."""
        if zones < MANY:
            yield
            return
        await self._look()
        self._batches += 1
        self._busy.set()
        try:
            yield
        finally:
            self._batches -= 1
            if not self._batches:
                self._busy.clear()
                self._idle_since = asyncio.get_running_loop().time()
        await asyncio.sleep(max((pace.rest_s for _, pace in self._servers), default=0.0))

    async def _look(self) -> None:
        """Before the first batch of a bulk: how quick the name servers are without it."""
        if self._batches or asyncio.get_running_loop().time() - self._idle_since < IDLE_S:
            return
        for timer, pace in self._servers:
            for _ in range(QUIET_QUESTIONS):
                if (seconds := await timer.measure_s()) is not None:
                    pace.note_quiet(seconds)

    async def run(self) -> None:
        """Measure while a batch is under way, until cancelled."""
        while True:
            await self._busy.wait()
            for timer, pace in self._servers:
                if (seconds := await timer.measure_s()) is not None and self._batches:
                    pace.note(seconds)
            await asyncio.sleep(EVERY_S)
