"""What the status page shows, taken at most once a second however many pages are open.

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
    """A value that is made anew when somebody asks and it is older than `every_s`; one makes it, the others wait."""

    def __init__(self, make: Callable[[], Awaitable[T]], *, every_s: float) -> None:
        self._make, self._every_s = make, every_s
        self._turn = asyncio.Lock()
        self._kept: tuple[float, T] | None = None

    async def get(self) -> T:
        """Raises what `make` raises; then nothing is kept."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if self._kept is None or now - self._kept[0] >= self._every_s:
                self._kept = (now, await self._make())
            return self._kept[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """How far a backend is with the work that it began when it last had nothing to do."""

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
        """A pass without its zones: what differed and what was done, each with its number, as far as there was any."""
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
    """The reconciler at a glance. `running`: the stage of the pass that runs; empty when none does."""

    enabled: bool
    running: str = ""
    next_at: float | None = None

    @classmethod
    def of(cls, reconciler: Reconciler) -> Reconciling:
        """As it is now."""
        stage = reconciler.running.stage if reconciler.running else ""
        return cls(enabled=reconciler.settings.enabled, running=stage, next_at=reconciler.next_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The newest of each, ten at most."""

    held: Sequence[HeldPush]
    dead: Sequence[Placement]
    refused: Sequence[Refused]
    events: Sequence[Event]
    passes: Sequence[PassLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The service now. `status` and `lists` are missing while the store cannot be read; the verdict says why."""

    verdict: Verdict
    at: float
    status: ServiceFigures | None
    lists: Lists | None
    reconciling: Reconciling

    @property
    def outstanding(self) -> int:
        """Deliveries that wait or run, on all backends."""
        return sum(one.pending + one.leased for one in self.status.backends) if self.status else 0

    @property
    def oldest_s(self) -> float | None:
        """Age of the oldest of them, in seconds."""
        ages = [one.oldest_s for one in self.status.backends if one.oldest_s is not None] if self.status else []
        return max(ages, default=None)


def bulk_of(backend: BackendFigures) -> Bulk | None:
    """None while there is nothing to draw: no work, or a single zone."""
    left = backend.pending + backend.leased
    done = max(backend.batch_zones - backend.leased, 0)
    return Bulk(done=done, of=done + left) if left and backend.batch_zones > 1 else None


class Pictures:
    """Takes them."""

    def __init__(self, parts: WebParts) -> None:
        self._parts = parts
        self._passes = Kept(self._newest_passes, every_s=PASSES_EVERY_S)

    async def take(self) -> Picture:
        """Never fails: a store that cannot be read is what there is to see."""
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
