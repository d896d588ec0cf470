"""Runs all lanes together. If a lane ends unexpectedly the service ends, rather than run on without delivering."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from directdnsonly.dispatch.lane import Lane
from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.deliveries import Claim

WATCH = "dispatch:watch"


class Dispatcher:
    """Runs one lane per backend, and periodically checks that the backends of idle lanes are still there."""

    def __init__(self, lanes: Sequence[Lane], *, watch_every_s: float = 10.0) -> None:
        self.lanes = {lane.name: lane for lane in lanes}
        self._watch_every_s = watch_every_s

    @property
    def actors(self) -> list[str]:
        """The names of the tasks that exist while the dispatcher is alive."""
        return [WATCH, *(name for lane in self.lanes.values() for name in lane.actors)]

    async def run(self) -> None:
        """Run all lanes until cancelled."""
        async with asyncio.TaskGroup() as group:
            for lane in self.lanes.values():
                group.create_task(lane.run(), name=f"dispatch:{lane.name}")
            group.create_task(self._watch(), name=WATCH)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._watch_every_s)
            await self.look()

    async def look(self) -> None:
        """Check all backends in parallel, so that the status is true even while nothing is pushed."""
        await asyncio.gather(*(lane.look() for lane in self.lanes.values()))

    def wake(self, priority: Priority, *, begun: Collection[str] = ()) -> None:
        """Wake the lanes: new work of this priority was recorded for every backend; those in `begun` already have it."""
        for name, lane in self.lanes.items():
            if name not in begun:
                lane.wake(priority)

    # -- Takers

    def waiting(self) -> Mapping[str, float]:
        """The backends whose lane would start at once, with the lease in seconds that each wants."""
        return {name: lane.lease_s for name, lane in self.lanes.items() if lane.waits}

    def take(self, claims: Sequence[Claim]) -> None:
        """Start on claims that were leased and committed with their change; a lane that is busy by now gives them back."""
        for claim in claims:
            self.lanes[claim.backend].take(claim)
