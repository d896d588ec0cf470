"""The circuit of one lane: opened when its backend fails as a whole, closed again by a prober that asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from directdnsonly.clock import Clock
from directdnsonly.dispatch.breaker import Breaker, BreakerState


class Circuit:
    """While `flowing` is not set nothing is attempted. `run` is an actor."""

    def __init__(
        self,
        breaker: Breaker,
        *,
        backend: str,
        clock: Clock,
        ask: Callable[[], Awaitable[str]],
        on_closed: Callable[[], None],
    ) -> None:
        """`ask` tells why work cannot flow, empty when it can; `on_closed` is called when it flows again."""
        self.breaker = breaker
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._backend = backend
        self._clock = clock
        self._ask = ask
        self._on_closed = on_closed
        self._tripped = asyncio.Event()
        self._soon = asyncio.Event()
        self._log = structlog.get_logger()

    def trip(self, reason: str, *, quiet: bool = False) -> None:
        """The backend failed as a whole."""
        if self.breaker.trip(self._clock.now_s(), reason) and not quiet:
            self._log.warning("breaker.opened", backend=self._backend, reason=reason)
        self.flowing.clear()
        self._tripped.set()

    def probe_soon(self) -> None:
        """The backend is probably there: it is asked without waiting any longer."""
        self._soon.set()

    async def run(self) -> None:
        """While the circuit is open: ask, with growing pauses, until the backend and its name server answer."""
        while True:
            await self._tripped.wait()
            self._tripped.clear()
            while self.breaker.state is not BreakerState.CLOSED:
                await self._until_probe()
                self.breaker.probe()
                reason = await self._ask()
                if reason:
                    self.breaker.trip(self._clock.now_s(), reason)
                    continue
                lasted_s = self.breaker.close(self._clock.now_s())
                self._log.info("breaker.closed", backend=self._backend, lasted_s=round(lasted_s, 1))
                self.flowing.set()
                self._on_closed()

    async def _until_probe(self) -> None:
        """The pause before the next question; cut short when the bundled name server says that it runs."""
        due_at = self.breaker.probe_at or self._clock.now_s()
        try:
            async with asyncio.timeout(max(due_at - self._clock.now_s(), 0.0)):
                await self._soon.wait()
        except TimeoutError:
            pass
        self._soon.clear()
