"""Work: the newest version is claimed and nothing else, and an end counts only by its fence."""

from __future__ import annotations

import asyncio

import pytest

from directdnsonly.outbox.changes import Kind, Priority
from directdnsonly.outbox.deliveries import Settle, Settlement
from directdnsonly.outbox.lifecycle import State
from tests.contract.store_exercises.opening import NAME, finish, only_claim
from tests.support.made import a_delete, a_push


async def test_of_two_versions_only_the_newer_is_ever_claimed(store):
    """Newest wins: the older one is never delivered."""
    await store.recording.record_push(a_push(serial=1))
    await store.recording.record_push(a_push(serial=2))

    claim = await only_claim(store)

    assert (2, 2) == (claim.version, claim.serial)
    assert " 2 3600 3600" in claim.text
    assert not await store.work.claim("one", limit=10, lease_s=60)


async def test_a_thousand_pushes_wait_as_one_delivery(store):
    """While a backend is down a zone costs one row, and one delivery when it returns."""
    for serial in range(1, 1001, 50):
        await asyncio.gather(*(store.recording.record_push(a_push(serial=serial + step)) for step in range(50)))

    assert 1 == await finish(store)


async def test_a_stale_retry_never_comes_before_the_newer_version(store, opener):
    """Faults A1: v1 failed and waits for its retry, v2 arrives: v2 is due at once, v1 ends superseded."""
    await store.recording.record_push(a_push(serial=1))
    first = await only_claim(store)
    await store.work.settle([Settlement(claim=first, how=Settle.RETRY, reason="no", due_at=opener.clock.now_s() + 30)])
    await store.recording.record_push(a_push(serial=2))
    opener.clock.advance(1)

    second = await only_claim(store)
    await store.work.settle([Settlement(claim=first, how=Settle.VERIFIED)])  # the old attempt wakes up late

    assert 2 == second.version
    assert State.LEASED is (await store.looking.placements(NAME))[0].state


async def test_a_push_during_an_attempt_is_delivered_after_it(store, opener):
    """The running attempt is settled, then the newer version is due; nothing is lost, nothing overlaps."""
    await store.recording.record_push(a_push(serial=1))
    running = await only_claim(store)
    await store.recording.record_push(a_push(serial=2))
    assert not await store.work.claim("one", limit=10, lease_s=60)

    await store.work.settle([Settlement(claim=running, how=Settle.VERIFIED, served_serial=1)])
    opener.clock.advance(1)

    placement = (await store.looking.placements(NAME))[0]
    assert (State.PENDING, 1, 2) == (placement.state, placement.verified_version, placement.want_version)
    assert 2 == (await only_claim(store)).version


@pytest.mark.parametrize("how", [Settle.RETRY, Settle.BURY, Settle.DEFER])
async def test_a_failed_attempt_of_an_older_version_burns_nothing_of_the_newer(store, opener, how):
    """v1 fails, is buried or given back while v2 waits: v2 starts fresh."""
    await store.recording.record_push(a_push(serial=1))
    running = await only_claim(store)
    await store.recording.record_push(a_push(serial=2))

    await store.work.settle([Settlement(claim=running, how=how, reason="bad", due_at=opener.clock.now_s() + 60)])
    opener.clock.advance(1)

    placement = (await store.looking.placements(NAME))[0]
    assert (State.PENDING, 0, "") == (placement.state, placement.attempts, placement.reason)


async def test_a_lost_lease_is_due_again_and_its_late_end_is_ignored(store, opener):
    """The fence decides, not the worker."""
    await store.recording.record_push(a_push(serial=1))
    lost = await only_claim(store)
    opener.clock.advance(61)
    again = await only_claim(store)

    await store.work.settle([Settlement(claim=lost, how=Settle.VERIFIED)])

    assert again.fence == lost.fence + 1
    assert State.LEASED is (await store.looking.placements(NAME))[0].state


async def test_dead_is_left_by_a_newer_version(store):
    """A new push gets a new chance."""
    await store.recording.record_push(a_push(serial=1))
    await store.work.settle([Settlement(claim=await only_claim(store), how=Settle.BURY, reason="bad")])
    assert (State.DEAD, "bad") == (
        (await store.looking.placements(NAME))[0].state,
        (await store.looking.placements(NAME))[0].reason,
    )
    assert 1 == (await store.looking.backlog())[0].dead

    await store.recording.record_push(a_push(serial=2))

    assert State.PENDING is (await store.looking.placements(NAME))[0].state


async def test_urgent_work_comes_before_interactive_before_bulk(store):
    """A batch is of one class, the most urgent that has work."""
    await store.recording.record_push(a_push("bulk.example", priority=Priority.BULK))
    await store.recording.record_push(a_push("button.example"))
    await store.recording.record_push(a_push("acme.example", priority=Priority.URGENT))

    order = [(await only_claim(store)).name for _ in range(3)]

    assert ["acme.example", "button.example", "bulk.example"] == order
    assert await store.work.claim("two", limit=10, lease_s=60, lowest=Priority.URGENT) != []


async def test_a_delete_is_delivered_as_absence(store):
    """A tombstone has no text."""
    await store.recording.record_push(a_push(serial=1))
    await finish(store)
    receipt = await store.recording.record_delete(a_delete())

    assert (2, True) == (receipt.version, receipt.changed)
    assert await store.looking.find_held([NAME]) is None
    store_claims = await store.work.claim("two", limit=10, lease_s=60)
    assert [(Kind.DELETE, None, 2)] == [(claim.kind, claim.text, claim.version) for claim in store_claims]


async def test_drift_makes_a_proven_delivery_due_again_as_bulk(store):
    """The reconciler and the sweep use it."""
    await store.recording.record_push(a_push())
    await finish(store)

    assert 1 == await store.work.requeue("one", [NAME], reason="file was gone")

    claim = await only_claim(store)
    assert (Priority.BULK, 1) == (claim.priority, claim.version)


async def test_drift_of_a_version_that_is_no_longer_wanted_is_none(store, opener):
    """Somebody looked at version 1 and pushed version 2 meanwhile: nothing is known of that."""
    await store.recording.record_push(a_push())
    await finish(store)
    (page,) = [page async for page in store.work.wanted("one")]
    assert page == list(await store.work.still_wanted("one", page))
    await store.recording.record_push(a_push(serial=2))
    opener.clock.advance(1)
    await finish(store)

    assert [] == list(await store.work.still_wanted("one", page))
    assert 0 == await store.work.requeue("one", [NAME], reason="old", versions=[1])
    assert 1 == await store.work.requeue("one", [NAME], reason="new", versions=[2])
    assert 2 == (await only_claim(store)).version

    await store.recording.record_delete(a_delete())
    assert [] == list(await store.work.still_wanted("one", page))


async def test_wanted_pages_through_what_should_be_served(store):
    """Only proven, living zones; page by page."""
    for number in range(7):
        await store.recording.record_push(a_push(f"z{number}.example"))
    await finish(store)
    await store.recording.record_delete(a_delete("z3.example"))

    pages = [[claim.name for claim in page] async for page in store.work.wanted("one", page=3)]

    assert [["z0.example", "z1.example", "z2.example"], ["z4.example", "z5.example", "z6.example"]] == pages
