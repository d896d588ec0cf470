"""The actor that sweeps a name server: at start, after each outage, and when reconciliation asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from directdnsonly.backends.contract import Backend
from directdnsonly.clock import Clock
from directdnsonly.dispatch.circuit import Circuit
from directdnsonly.dispatch.store_trouble import STORE_PAUSE_S, StoreTrouble
from directdnsonly.dispatch.sweep import Sweep, SweepFound
from directdnsonly.errors import BackendUnavailable, OutboxUnavailable
from directdnsonly.pulse import Pulses

HUNG_S = 300.0  # beyond every limit that a page of a sweep has of its own


class Sweeper:
    """Runs sweeps of one backend, one at a time. `run` is an actor, named `dispatch:BACKEND:sweeper`."""

    def __init__(
        self,
        *,
        backend: Backend,
        make: Callable[[Callable[[], None]], Sweep],
        circuit: Circuit,
        unpaused: asyncio.Event,
        trouble: StoreTrouble,
        clock: Clock,
        pulses: Pulses,
        after_start: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`make` makes the sweep around its sign of life. `after_start` is awaited once, after the first sweep; see Lane."""
        self._backend = backend
        self._sweep = make(self._goes_on)
        self._circuit = circuit
        self._unpaused = unpaused
        self._trouble = trouble
        self._clock = clock
        self._pulses = pulses
        self._after_start = after_start
        self._log = structlog.get_logger()
        self._one = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._wanted.set()  # at start the name server is compared with the store

    @property
    def name(self) -> str:
        """The name of the sweeper's task."""
        return f"dispatch:{self._backend.name}:sweeper"

    @property
    def running(self) -> bool:
        """Whether a sweep is in progress."""
        return self._sweep.running

    def follow(self, *, page: int) -> None:
        """Zones per step, from the next sweep on."""
        self._sweep.page = page

    def want(self) -> None:
        """Request a sweep, because the name server may have lost zones; it runs when the backend answers and the lane works."""
        self._wanted.set()

    def _goes_on(self) -> None:
        self._pulses.beat(self.name, HUNG_S)

    async def run(self) -> None:
        """Sweep whenever requested, until cancelled."""
        while True:
            await self._wanted.wait()
            await self._circuit.flowing.wait()
            await self._unpaused.wait()
            self._wanted.clear()
            try:
                await self.sweep()
                if self._after_start is not None:
                    await self._after_start()
                    self._after_start = None
            except BackendUnavailable as error:
                self._wanted.set()
                self._circuit.trip(error.reason)
            except OutboxUnavailable as error:
                self._wanted.set()
                self._trouble.failed(str(error), task=f"sweep:{self._backend.name}")
                await asyncio.sleep(STORE_PAUSE_S)

    async def sweep(self, *, repair: bool = True, gentle: bool = False) -> SweepFound:
        """Compare the name server with the store and, with `repair`, requeue zones that differ. Raises BackendUnavailable."""
        async with self._one:
            began_at = self._clock.now_s()
            with self._pulses.at_work(self.name, HUNG_S):
                await self._backend.ready()
                found = await self._sweep.run_once(repair=repair, gentle=gentle)
            elapsed_s = round(self._clock.now_s() - began_at, 3)
        facts = {"backend": self._backend.name, "zones": found.seen, "drifted": found.drifted}
        self._log.info("backend.swept", **facts, elapsed_s=elapsed_s)
        if found.drifted and repair:
            self._log.warning("backend.drifted", **facts, first=list(found.examples))
        return found
