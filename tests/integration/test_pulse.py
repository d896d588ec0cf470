"""An actor that hangs in its work is seen; one that waits for work is not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from directdnsonly.backends.contract import ZoneObserved
from directdnsonly.clock import ManualClock
from directdnsonly.outbox.lifecycle import State
from directdnsonly.zone.name import ZoneName
from tests.support.fake_backend import FakeBackend
from tests.support.lanes import running_lanes, until
from tests.support.made import a_push
from tests.support.reconciling import with_lane


async def test_a_lane_that_hangs_in_an_attempt_is_named(tmp_path):
    """Its own limits did not end it (here they are days); its neighbour and those who wait for work are not named."""
    clock = ManualClock()
    stuck, well = FakeBackend("one"), FakeBackend("two")
    stuck.hang_on = {"hangs.example"}
    async with running_lanes(tmp_path, stuck, well, clock=clock, apply_timeout_s=600_000.0) as rig:
        lane = rig.lanes["one"]
        await until(lambda: not lane.status().sweeping)
        await rig.push(a_push("hangs.example"))
        await rig.until("hangs.example", State.VERIFIED, "two")
        await until(lambda: lane.pulses._due and not rig.lanes["two"].pulses._due)
        assert {} == lane.pulses.overdue()

        clock.advance(3600)

        (name,) = lane.pulses.overdue()
        assert name.startswith("dispatch:one:")
        assert {} == rig.lanes["two"].pulses.overdue()


class Mute(FakeBackend):
    """Takes zones; from `mute` on it never answers what it holds, without an error: no limit of its own ends that."""

    mute = False

    async def inventory(self) -> AsyncIterator[ZoneObserved]:
        await self._when_told()
        async for observed in super().inventory():
            yield observed

    async def observe(self, names: Sequence[ZoneName]) -> Sequence[ZoneObserved | None]:
        await self._when_told()
        return await super().observe(names)

    async def _when_told(self) -> None:
        if self.mute:
            await asyncio.Event().wait()


async def test_a_sweep_that_hangs_is_named_and_its_lane_goes_on_delivering(tmp_path):
    """The sweeper alone is overdue; pushes to the same name server are delivered meanwhile."""
    clock = ManualClock()
    mute, well = Mute("one"), FakeBackend("two")
    async with running_lanes(tmp_path, mute, well, clock=clock) as rig:
        lane = rig.lanes["one"]
        await until(lambda: not any(lane.status().sweeping for lane in rig.lanes.values()))
        await rig.push(a_push("held.example"))
        for name in rig.lanes:
            await rig.until("held.example", State.VERIFIED, name)
        mute.mute = True
        lane.name_server_running()
        await until(lambda: "dispatch:one:sweeper" in lane.pulses._due)
        assert {} == lane.pulses.overdue()

        clock.advance(3600)

        assert "dispatch:one:sweeper" in lane.pulses.overdue()
        await rig.push(a_push("goes-on.example"))
        await rig.until("goes-on.example", State.VERIFIED)
        await until(lambda: ["dispatch:one:sweeper"] == list(lane.pulses.overdue()))
        await until(lambda: not rig.lanes["two"].pulses.overdue())


async def test_a_pass_of_the_reconciler_that_hangs_is_named(tmp_path):
    """It waits for a name server's zones that never come; while it waits for its hour it is not named."""
    mute = Mute("one")
    mute.mute = True
    async with mute, with_lane(tmp_path, mute, enabled=True) as (rig, _):
        running = asyncio.create_task(rig.reconciler.run())
        try:
            rig.clock.advance(30 * 86_400)
            assert {} == rig.reconciler.pulses.overdue()
            rig.reconciler.request(live=False)
            await until(lambda: "reconcile" in rig.reconciler.pulses._due)
            assert {} == rig.reconciler.pulses.overdue()

            rig.clock.advance(7200)

            assert ["reconcile"] == list(rig.reconciler.pulses.overdue())
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
