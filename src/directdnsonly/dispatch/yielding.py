"""A bulk gives way to those who ask the name server. What people wait for never does.

While a bulk is at work an actor asks each name server fifty times a second and measures how long the answer takes to
arrive. When somebody asks, and that is more than `dispatch.bulk_slows_answers` times what it took before the bulk, no bulk worker takes
another batch before all have rested: so long that answers over work and rest together are quick enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from directdnsonly.backends.contract import ServerAddress
from directdnsonly.dispatch.pace import Pace
from directdnsonly.verify.answer_time import AnswerTimer
from directdnsonly.verify.others import Others

MANY = 20  # zones of a batch; fewer are not felt
QUIET_QUESTIONS = 5
EVERY_S, QUIETLY_EVERY_S = 0.02, 1.0
IDLE_S = 1.0  # a bulk that begins so long after the last one finds the name server as it is without us


class Yielding:
    """Of one lane. `run` is an actor."""

    def __init__(self, servers: Sequence[ServerAddress], factor: float, others: Others | None = None) -> None:
        """`factor`: how many times as long as alone answers may take; 0: a bulk never rests.

        `others`: who asks these servers; None where nobody can tell, as of those that run elsewhere.
        """
        known = [(AnswerTimer(server.host, server.port), Pace(factor)) for server in servers]
        self._servers = known if factor > 0 else []
        self._others = others
        self._batches = 0
        self._wanted = asyncio.Event()  # measurements
        self._over = asyncio.Event()  # no batch is under way
        self._over.set()
        self._began = self._ended = self._rests_until = float("-inf")  # of the loop's clock

    @asynccontextmanager
    async def beside(self, zones: int) -> AsyncIterator[None]:
        """While the block runs a bulk batch of so many zones is under way, and its effect is measured."""
        if zones < MANY:
            yield
            return
        await self._look()
        if not self._batches:
            self._began = _now()
        self._batches += 1
        self._over.clear()
        self._wanted.set()
        try:
            yield
        finally:
            self._batches -= 1
            if not self._batches:
                self._ended = _now()
                self._rests_until = self._ended + self._rest_s(self._ended - self._began)
                self._over.set()

    async def rest(self) -> None:
        """Wait, before the next batch, until what those feel who ask the name server allows it."""
        if self._rest_s(1.0):
            await self._over.wait()  # one worker at rest is none while another works
        await asyncio.sleep(max(self._rests_until - _now(), 0.0))

    def _rest_s(self, worked_s: float) -> float:
        if self._others is not None and not self._others.ask:
            return 0.0
        return max((pace.rest_s(worked_s) for _, pace in self._servers), default=0.0)

    async def _look(self) -> None:
        """Before the first batch of a bulk: how quick the name servers are without it."""
        if not self._is_idle:
            return
        for timer, pace in self._servers:
            pace.begin()
            for _ in range(QUIET_QUESTIONS):
                await _quietly(timer, pace)

    @property
    def _is_idle(self) -> bool:
        """Whether the name servers are as they are without us."""
        return not self._batches and _now() - max(self._ended, self._rests_until) > IDLE_S

    async def run(self) -> None:
        """Measure, often while a bulk is at work or rests and now and then otherwise, until cancelled."""
        while self._servers:
            with suppress(TimeoutError):
                async with asyncio.timeout(QUIETLY_EVERY_S):
                    await self._wanted.wait()
            if self._others is not None:
                self._others.look(_now())
            for timer, pace in self._servers:
                await self._measure(timer, pace)
            if not self._batches and _now() >= self._rests_until:
                self._wanted.clear()
            await asyncio.sleep(EVERY_S)
        await asyncio.Event().wait()  # an actor that ends is lost

    async def _measure(self, timer: AnswerTimer, pace: Pace) -> None:
        if self._is_idle:
            await _quietly(timer, pace)
            return
        before = self._batches
        seconds = await timer.measure_s()
        if seconds is not None and bool(before) is bool(self._batches):  # else it is neither's
            pace.note(seconds, resting=not before)


async def _quietly(timer: AnswerTimer, pace: Pace) -> None:
    if (seconds := await timer.measure_s()) is not None:
        pace.note_quiet(seconds)


def _now() -> float:
    return asyncio.get_running_loop().time()
