"""What the status page shows, computed at most once a second however many pages are open.

Counts come from where the status of the API takes them (a row and small indexes), lists are ten rows long: nothing here
grows with the number of zones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from directdnsonly.errors import OutboxUnavailable
from directdnsonly.operate.figures import BackendFigures, ServiceFigures
from directdnsonly.outbox.deliveries import Placement
from directdnsonly.outbox.drift import HeldPush
from directdnsonly.outbox.kept import Event, Refused
from directdnsonly.readiness import Verdict
from directdnsonly.reconcile.reconciler import Reconciler
from directdnsonly.reconcile.report import PassView
from directdnsonly.web.parts import WebParts

LOOK_EVERY_S: Final = 1.0
PASSES_EVERY_S: Final = 10.0  # a pass is kept as JSON with up to 3,500 zones; its reading is not free
SHOWN: Final = 10
SHOWN_PASSES: Final = 5
SHOWN_FAILURES: Final = 3  # of each pass

T = TypeVar("T")


class Kept(Generic[T]):
    """A cached value, recomputed on request if it is older than `every_s`; concurrent callers share one computation."""

    def __init__(self, make: Callable[[], Awaitable[T]], *, every_s: float) -> None:
        self._make, self._every_s = make, every_s
        self._turn = asyncio.Lock()
        self._kept: tuple[float, T] | None = None

    async def get(self) -> T:
        """The value, at most `every_s` old. Raises what `make` raises; then nothing is cached."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if self._kept is None or now - self._kept[0] >= self._every_s:
                self._kept = (now, await self._make())
            return self._kept[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """A backend's progress with the work that has come since it was last idle."""

    done: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PassLine:
    """One pass of the reconciler. `found`: what differed, by kind; `done`: what the pass did about it."""

    ended_at: float
    elapsed_s: float
    dry_run: bool
    found: Mapping[str, int]
    done: Mapping[str, int]
    failures: Sequence[str]

    @classmethod
    def of(cls, one: PassView) -> PassLine:
        """The summary of a pass: the kinds of differences found and of actions taken, with their non-zero counts."""
        done = {key: value if isinstance(value, int) else len(value) for key, value in one.done if key != "failures"}
        return cls(
            ended_at=one.ended_at,
            elapsed_s=one.ended_at - one.started_at,
            dry_run=one.dry_run,
            found={kind: number for kind, number in one.plan.counts.items() if number},
            done={key.replace("_", " "): number for key, number in done.items() if number},
            failures=one.done.failures[:SHOWN_FAILURES],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciling:
    """The reconciler at a glance. `running`: the stage of the running pass; empty if none runs."""

    enabled: bool
    running: str = ""
    next_at: float | None = None

    @classmethod
    def of(cls, reconciler: Reconciler) -> Reconciling:
        """The reconciler's present state."""
        stage = reconciler.running.stage if reconciler.running else ""
        return cls(enabled=reconciler.settings.enabled, running=stage, next_at=reconciler.next_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The newest entries of each list, at most ten."""

    held: Sequence[HeldPush]
    dead: Sequence[Placement]
    refused: Sequence[Refused]
    events: Sequence[Event]
    passes: Sequence[PassLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The service now. `status` and `lists` are None while the store cannot be read; the verdict says why."""

    verdict: Verdict
    at: float
    status: ServiceFigures | None
    lists: Lists | None
    reconciling: Reconciling

    @property
    def outstanding(self) -> int:
        """The number of outstanding deliveries on all backends."""
        return sum(one.pending + one.leased for one in self.status.backends) if self.status else 0

    @property
    def oldest_s(self) -> float | None:
        """The age of the oldest outstanding delivery, in seconds."""
        ages = [one.oldest_s for one in self.status.backends if one.oldest_s is not None] if self.status else []
        return max(ages, default=None)


def bulk_of(backend: BackendFigures) -> Bulk | None:
    """A backend's progress; None if there is nothing to draw: no work, or a single zone."""
    left = backend.pending + backend.leased
    done = max(backend.batch_zones - backend.leased, 0)
    return Bulk(done=done, of=done + left) if left and backend.batch_zones > 1 else None


class Pictures:
    """Computes pictures and caches them for a second."""

    def __init__(self, parts: WebParts) -> None:
        self._parts = parts
        self._passes = Kept(self._newest_passes, every_s=PASSES_EVERY_S)

    async def take(self) -> Picture:
        """The picture of now; never fails, because an unreadable store is shown as such."""
        parts = self._parts
        lists: Lists | None = None
        seen = await parts.readiness.look()
        with suppress(OutboxUnavailable):  # the verdict says so
            lists = await self._lists()
        return Picture(
            verdict=seen.verdict,
            at=parts.clock.now_s(),
            status=seen.status,
            lists=lists,
            reconciling=Reconciling.of(parts.reconciler),
        )

    async def _lists(self) -> Lists:
        looking = self._parts.looking
        return Lists(
            held=await self._parts.approval.held_pushes(limit=SHOWN, bodies=False),
            dead=(await looking.dead(limit=SHOWN)).placements,
            refused=await looking.refused(limit=SHOWN, bodies=False),
            events=await looking.events(limit=SHOWN),
            passes=await self._passes.get(),
        )

    async def _newest_passes(self) -> list[PassLine]:
        return [PassLine.of(one) for one in await self._parts.reconciler.passes(SHOWN_PASSES)]
