"""The circuit of one lane: opened when its whole backend fails, closed by a prober when it answers again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from directdnsonly.clock import Clock
from directdnsonly.dispatch.breaker import Breaker, BreakerState


class Circuit:
    """A circuit breaker and its prober. While `flowing` is not set nothing is attempted. `run` is an actor."""

    def __init__(
        self,
        breaker: Breaker,
        *,
        backend: str,
        clock: Clock,
        ask: Callable[[], Awaitable[str]],
        on_closed: Callable[[], None],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """`ask` returns why nothing can be delivered, or ""; `on_closed` is called when the circuit closes.

        `on_change` is called after each change that people should see at once.
        """
        self.breaker = breaker
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._backend = backend
        self._clock = clock
        self._ask = ask
        self._on_closed = on_closed
        self._on_change = on_change
        self._tripped = asyncio.Event()
        self._soon = asyncio.Event()
        self._log = structlog.get_logger()

    def trip(self, reason: str, *, is_start: bool = False) -> None:
        """Open the circuit: the whole backend failed or, with `is_start`, its name server is only starting, which is not logged."""
        opened = self.breaker.trip(self._clock.now_s(), reason, is_start=is_start)
        self.flowing.clear()
        if opened and not is_start:
            self._log.warning("breaker.opened", backend=self._backend, reason=reason)
            self._on_change()
        self._tripped.set()

    def probe_soon(self) -> None:
        """Probe without further delay, because the backend is probably back."""
        self._soon.set()

    async def run(self) -> None:
        """While the circuit is open, probe with growing pauses until the backend and its name server answer."""
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
                self._on_change()

    async def _until_probe(self) -> None:
        """Wait before the next probe; cut short when the bundled name server reports that it runs."""
        due_at = self.breaker.probe_at or self._clock.now_s()
        try:
            async with asyncio.timeout(max(due_at - self._clock.now_s(), 0.0)):
                await self._soon.wait()
        except TimeoutError:
            pass
        self._soon.clear()
