"""An actor that hangs in its work is seen; one that waits for work is not."""

from __future__ import annotations

from directdnsonly.clock import ManualClock
from tests.support.fake_backend import FakeBackend
from tests.support.lanes import running_lanes, until
from tests.support.made import a_push


async def test_a_lane_that_hangs_in_an_attempt_is_named(tmp_path):
    """Its own limits did not end it (here they are days); its neighbour and those who wait for work are not named."""
    clock = ManualClock()
    stuck, well = FakeBackend("one"), FakeBackend("two")
    stuck.hang_on = {"hangs.example"}
    async with running_lanes(tmp_path, stuck, well, clock=clock, apply_timeout_s=600_000.0) as rig:
        lane = rig.lanes["one"]
        await until(lambda: not lane.status().sweeping)
        await rig.push(a_push("hangs.example"))
        await until(lambda: lane.pulses._due)
        assert {} == lane.pulses.overdue()

        clock.advance(3600)

        (name,) = lane.pulses.overdue()
        assert name.startswith("dispatch:one:")
        assert {} == rig.lanes["two"].pulses.overdue()
