"""Runs all lanes together. If a lane ends unexpectedly the service ends, rather than run on without delivering.

Lanes can be added, replaced and removed while it runs; a lane that is removed is drained first.
"""

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
        self.watch_every_s = watch_every_s  # may be set anew
        self._group: asyncio.TaskGroup | None = None  # while it runs
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def actors(self) -> list[str]:
        """The names of the tasks that exist while the dispatcher is alive."""
        return [WATCH, *(name for lane in self.lanes.values() for name in lane.actors)]

    async def run(self) -> None:
        """Run all lanes until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for lane in self.lanes.values():
                self._begin(lane, group)
            group.create_task(self._watch(), name=WATCH)

    def add(self, lane: Lane) -> None:
        """One more, at work at once; or as soon as we run."""
        self.lanes[lane.name] = lane
        if self._group is not None:
            self._begin(lane, self._group)

    async def remove(self, name: str, *, limit_s: float) -> None:
        """Take a lane out: what is on its way ends first, for so long at most."""
        await self.lanes[name].drain(limit_s)
        del self.lanes[name]
        await self._end(name)

    async def replace(self, lane: Lane, *, limit_s: float) -> None:
        """Put a lane in the place of the one of its name, as `remove` and `add`. Who is paused stays so."""
        await self.lanes[lane.name].drain(limit_s)
        if paused := self.lanes[lane.name].status().paused:
            lane.pause(paused)
        self.lanes[lane.name] = lane  # pushes find one at any time
        await self._end(lane.name)
        if self._group is not None:
            self._begin(lane, self._group)

    async def _end(self, name: str) -> None:
        if (task := self._tasks.pop(name, None)) is not None:
            task.cancel()
            await asyncio.wait([task])

    def _begin(self, lane: Lane, group: asyncio.TaskGroup) -> None:
        self._tasks[lane.name] = group.create_task(lane.run(), name=f"dispatch:{lane.name}")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self.watch_every_s)
            await self.look()

    async def look(self) -> None:
        """Check all backends in parallel, so that the status is true even while nothing is pushed."""
        await asyncio.gather(*(lane.look() for lane in list(self.lanes.values())))

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
        """Start on claims that were leased and committed with their change; a lane that is busy by now gives them back.

        If the lane has been removed meanwhile, the lease expires.
        """
        for claim in claims:
            if (lane := self.lanes.get(claim.backend)) is not None:
                lane.take(claim)
