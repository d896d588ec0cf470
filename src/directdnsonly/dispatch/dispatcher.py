"""All lanes together. A lane that ends unexpectedly ends the service: never a live liar (faults A6)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from directdnsonly.dispatch.lane import Lane
from directdnsonly.outbox.records import Priority


class Dispatcher:
    """Runs a lane per backend."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.lanes = {lane.name: lane for lane in lanes}

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for lane in self.lanes.values():
                group.create_task(lane.run(), name=f"dispatch:{lane.name}")

    def wake(self, priority: Priority) -> None:
        """New work of this class was recorded for every backend."""
        for lane in self.lanes.values():
            lane.wake(priority)
