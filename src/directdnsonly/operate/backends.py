"""Pause and resume a backend, probe it, or forget one that is no longer configured."""

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
    """The result of a probe. `reason`: why nothing can be delivered; empty if it can."""

    reason: str
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The pause in force, which is always the first one; `already`: the backend was paused before."""

    pause: Pause
    already: bool


class Backends:
    """Acts on backends. Use within one event loop. `configured`: every backend of the configuration, also disabled ones."""

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
        """Stop deliveries until resumed; survives restarts. Raises NotHere.

        Pausing a paused backend changes nothing: the first reason may still hold when the second is gone.
        """
        lane = self.lane(name)
        given = Pause(actor=who.name, reason=reason, at=self._clock.now_s())
        await self._operators.pause(name, given)
        first = (await self._operators.pauses()).get(name, given)
        lane.pause(told(first))
        await self._journal.did(who, "backend.paused", detail=_said(name, given, first))
        return Stopped(pause=first, already=first != given)

    async def resume(self, name: str, who: Operator) -> None:
        """Resume deliveries. Raises NotHere."""
        lane = self.lane(name)
        await self._operators.resume(name)
        lane.resume()
        await self._journal.did(who, "backend.resumed", detail=name)

    async def probe(self, name: str) -> Probed:
        """Check the backend and its name server now; changes nothing, so it is not audited. Raises NotHere."""
        lane = self.lane(name)
        began = time.perf_counter()
        reason = await lane.probe()
        return Probed(reason=reason, elapsed_s=time.perf_counter() - began)

    async def forget(self, name: str, who: Operator) -> int:
        """Drop the deliveries of a backend that is no longer configured, and tombstones that wait only for it; returns how many.

        Harmless to repeat: an unknown backend has 0. Raises DoesNotFit while the backend is configured.
        """
        if name in self._configured:
            told_how = f"take dns.backends.{name} out of the configuration, dadns reload, repeat"
            raise DoesNotFit(f"backend {name} is still configured: {told_how}")
        is_known = name in await self._operators.removed_backends(self._configured)
        dropped = await self._operators.forget_backend(name)
        if is_known:
            detail = f"{name}: {counted(dropped, 'delivery', 'deliveries')}"
            await self._journal.did(who, "backend.forgotten", detail=detail)
        return dropped


def told(pause: Pause) -> str:
    """The pause as a sentence for people."""
    return f"paused by {pause.actor}" + (f": {pause.reason}" if pause.reason else "")


def _said(backend: str, given: Pause, first: Pause) -> str:
    """The pause as the audit records it, including a reason that was not kept."""
    why = f"{backend}: {given.reason}" if given.reason else backend
    return why if first == given else f"{why} (already {told(first)})"
