"""What an operator does with one backend: stop and resume its work, ask it now, forget one that is configured no more."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from directdnsonly.clock import Clock
from directdnsonly.dispatch.lane import Lane
from directdnsonly.errors import DoesNotFit, NotHere
from directdnsonly.operate.journal import Journal, Operator
from directdnsonly.outbox.operators import Pause
from directdnsonly.outbox.store.operators import Operators
from directdnsonly.wording import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What a backend and its name server answered just now. `reason`: why work cannot flow; empty when it can."""

    reason: str
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The pause that holds, which is that of who came first; `already`: it held before."""

    pause: Pause
    already: bool


class Backends:
    """Use within one event loop. `configured`: those of the configuration, also those that are not enabled."""

    def __init__(
        self,
        *,
        operators: Operators,
        clock: Clock,
        journal: Journal,
        lanes: Mapping[str, Lane],
        configured: Collection[str],
    ) -> None:
        self._operators = operators
        self._clock = clock
        self._journal = journal
        self._lanes = lanes
        self._configured = configured

    def lane(self, name: str) -> Lane:
        """The lane of an enabled backend. Raises NotHere."""
        if name not in self._lanes:
            raise NotHere(f"there is no enabled backend {name!a}")
        return self._lanes[name]

    async def pause(self, name: str, who: Operator, *, reason: str = "") -> Stopped:
        """Deliver nothing until resumed; holds over a restart. Raises NotHere.

        Who pauses what is paused already changes nothing: its first reason may still hold when the second is gone.
        """
        lane = self.lane(name)
        given = Pause(actor=who.name, reason=reason, at=self._clock.now_s())
        await self._operators.pause(name, given)
        first = (await self._operators.pauses()).get(name, given)
        lane.pause(told(first))
        await self._journal.did(who, "backend.paused", detail=_said(name, given, first))
        return Stopped(pause=first, already=first != given)

    async def resume(self, name: str, who: Operator) -> None:
        """Deliver again. Raises NotHere."""
        lane = self.lane(name)
        await self._operators.resume(name)
        lane.resume()
        await self._journal.did(who, "backend.resumed", detail=name)

    async def probe(self, name: str) -> Probed:
        """Ask it and its name server now; nothing is changed, so nothing is told. Raises NotHere."""
        lane = self.lane(name)
        began = time.perf_counter()
        reason = await lane.probe()
        return Probed(reason=reason, elapsed_s=time.perf_counter() - began)

    async def forget(self, name: str, who: Operator) -> int:
        """Drop the deliveries of a backend that is not configured any more, and so what waits only for it; how many.

        May be repeated without harm: of one that is unknown there are 0. Raises DoesNotFit while it is configured.
        """
        if name in self._configured:
            told_how = f"take dns.backends.{name} out of the configuration, restart, repeat"
            raise DoesNotFit(f"backend {name} is still configured: {told_how}")
        is_known = name in await self._operators.removed_backends(self._configured)
        dropped = await self._operators.forget_backend(name)
        if is_known:
            detail = f"{name}: {counted(dropped, 'delivery', 'deliveries')}"
            await self._journal.did(who, "backend.forgotten", detail=detail)
        return dropped


def told(pause: Pause) -> str:
    """A pause for people."""
    return f"paused by {pause.actor}" + (f": {pause.reason}" if pause.reason else "")


def _said(backend: str, given: Pause, first: Pause) -> str:
    """For the audit: also the reason that was not kept."""
    why = f"{backend}: {given.reason}" if given.reason else backend
    return why if first == given else f"{why} (already {told(first)})"
