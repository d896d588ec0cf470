"""All lanes together. A lane that ends unexpectedly ends the service: never one that lives and delivers nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from directdnsonly.dispatch.lane import Lane
from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.deliveries import Claim

WATCH = "dispatch:watch"


class Dispatcher:
    """Runs a lane per backend, and asks the idle ones now and then whether their backend is still there."""

    def __init__(self, lanes: Sequence[Lane], *, watch_every_s: float = 10.0) -> None:
        self.lanes = {lane.name: lane for lane in lanes}
        self._watch_every_s = watch_every_s

    @property
    def actors(self) -> list[str]:
        """Names of the tasks that are there while it is alive."""
        return [WATCH, *(name for lane in self.lanes.values() for name in lane.actors)]

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for lane in self.lanes.values():
                group.create_task(lane.run(), name=f"dispatch:{lane.name}")
            group.create_task(self._watch(), name=WATCH)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._watch_every_s)
            await self.look()

    async def look(self) -> None:
        """One pass over all backends at once, so that the status is true also while nothing is pushed."""
        await asyncio.gather(*(lane.look() for lane in self.lanes.values()))

    def wake(self, priority: Priority, *, begun: Collection[str] = ()) -> None:
        """New work of this class was recorded for every backend; `begun` have it already."""
        for name, lane in self.lanes.items():
            if name not in begun:
                lane.wake(priority)

    # -- Takers

    def waiting(self) -> Mapping[str, float]:
        """The backends whose lane would begin at once, and for how many seconds each wants its lease."""
        return {name: lane.lease_s for name, lane in self.lanes.items() if lane.waits}

    def take(self, claims: Sequence[Claim]) -> None:
        """These are leased and committed. A lane that has begun something else meanwhile gives them back."""
        for claim in claims:
            self.lanes[claim.backend].take(claim)
