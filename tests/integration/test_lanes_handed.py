"""A lane that waits begins with what was leased to it as it was recorded; what it cannot begin it gives back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from directdnsonly.dispatch import hand
from directdnsonly.dispatch.lane import Lane
from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.deliveries import Claim
from directdnsonly.outbox.lifecycle import State
from directdnsonly.zone.name import ZoneName
from tests.support.fake_backend import FakeBackend
from tests.support.lanes import Rig, running_lanes, until
from tests.support.made import a_delete, a_push


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def it(*backends: FakeBackend, **options: object) -> Rig:
            rig = await stack.enter_async_context(running_lanes(tmp_path, *backends, **options))
            await until(lambda: all(lane.waits for lane in rig.lanes.values()))
            return rig

        yield it


async def test_an_idle_lane_delivers_without_a_claim(start):
    """One commit for the push and its claim, one for its proof."""
    backend, other = FakeBackend("one"), FakeBackend("two")
    rig = await start(backend, other)
    await asyncio.sleep(0.1)
    before = rig.store.engine.commits.commits

    receipt = await rig.store.recording.record_push(a_push("a.example", 7))  # and nobody wakes the lanes
    await rig.until("a.example", State.VERIFIED)
    await rig.until("a.example", State.VERIFIED, "two")

    assert {"one", "two"} == receipt.begun
    assert rig.store.engine.commits.commits - before <= 3
    assert [("a.example", 1)] == backend.applied == other.applied


async def test_deletes_and_changes_follow_each_other(start):
    """Whatever way each of them takes, the last one is served."""
    backend = FakeBackend("one")
    rig = await start(backend)
    for serial in range(1, 30):
        await rig.push(a_push("a.example", serial))
        if serial % 4 == 0:
            receipt = await rig.store.recording.record_delete(a_delete("a.example"))
            rig.wake(begun=receipt.begun)
        await asyncio.sleep(0.02 * (serial % 3))

    await until(lambda: (served := backend.zones.get(ZoneName.parse("a.example"))) and served.serial >= 29)
    await rig.until("a.example", State.VERIFIED)
    versions = [version for _, version in backend.applied]
    assert sorted(set(versions)) == versions


async def test_a_paused_lane_is_handed_nothing(start):
    """Its worker may still sleep, but would not begin."""
    rig = await start(FakeBackend("one"))
    rig.lanes["one"].pause("an operator")

    receipt = await rig.store.recording.record_push(a_push("a.example"))

    assert frozenset() == receipt.begun
    assert State.PENDING is (await rig.placement("a.example")).state


async def test_a_lane_whose_backend_is_away_is_handed_nothing(start):
    """Nothing is attempted while the circuit is open."""
    backend = FakeBackend("one")
    rig = await start(backend)
    backend.down = "connection refused"
    await rig.push(a_push("a.example"))
    await until(lambda: rig.lanes["one"].status().reason)

    receipt = await rig.store.recording.record_push(a_push("b.example"))

    assert frozenset() == receipt.begun
    assert 0 == (await rig.placement("b.example")).attempts


async def test_what_a_lane_cannot_begin_is_given_back_at_once(start):
    """They were leased for a lane that waited, and that has begun something else when the commit is done."""
    backend = FakeBackend("one")
    rig = await start(backend, lease_s=600.0)
    rig.store.recording.serve(_Greedy(rig.lanes["one"]))
    backend.delay_s = 0.2
    await rig.push(a_push("first.example"))
    await until(lambda: backend.applying)

    receipts = [await rig.store.recording.record_push(a_push(f"{number}.example")) for number in range(3)]

    assert [{"one"}] * 3 == [receipt.begun for receipt in receipts]
    for receipt in receipts:  # long before the end of their leases
        await rig.until(receipt.name, State.VERIFIED)


async def test_what_was_handed_long_ago_is_given_back_not_delivered(start, monkeypatch):
    """Something kept the lane from it: its lease may end before the attempt does, and a newer version be delivered."""
    monkeypatch.setattr(hand, "FRESH_S", -1.0)
    backend = FakeBackend("one")
    rig = await start(backend)

    receipt = await rig.store.recording.record_push(a_push("a.example"))

    assert {"one"} == receipt.begun
    assert 2 == (await _fence_when_proven(rig))  # leased with the push, given back, claimed


async def test_bulk_is_left_to_the_bulk_workers(start):
    """They take it in batches."""
    rig = await start(FakeBackend("one"))

    receipt = await rig.store.recording.record_push(a_push("a.example", priority=Priority.BULK))

    assert frozenset() == receipt.begun


async def _fence_when_proven(rig: Rig) -> int:
    await rig.until("a.example", State.VERIFIED)
    return await rig.store.engine.commits.submit(
        lambda connection: connection.execute("SELECT fence FROM delivery").fetchone()[0]
    )


class _Greedy:
    """Says that the lane waits though it does not."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    def waiting(self) -> dict[str, float]:
        return {self._lane.name: self._lane.lease_s}

    def take(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            self._lane.take(claim)
