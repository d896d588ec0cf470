"""What comes too late changes nothing: the end of a lost lease, the failures of an older version."""

from __future__ import annotations

import pytest

from directdnsonly.outbox.deliveries import Claim, Placement, Settle, Settlement
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.store import Store
from tests.contract.store_exercises.opening import NAME, Opener
from tests.support.made import a_delete, a_push

LEASE_S = 60.0


@pytest.fixture
async def store(opener: Opener) -> Store:
    return await opener.open(backends=["one"])


async def claimed(store: Store) -> Claim:
    (claim,) = await store.work.claim("one", limit=10, lease_s=LEASE_S)
    return claim


async def placement(store: Store) -> Placement:
    (found,) = await store.looking.placements(NAME)
    return found


@pytest.mark.parametrize("how", Settle)
async def test_the_late_end_of_an_attempt_never_touches_the_lease_of_the_next_one(store, clock, how):
    """The fence decides, not the worker: whatever the late one found, the running attempt goes on as it was."""
    await store.recording.record_push(a_push(serial=1))
    lost = await claimed(store)
    clock.advance(LEASE_S + 1)
    running = await claimed(store)
    before = await placement(store)

    await store.work.settle([Settlement(claim=lost, how=how, reason="of the late one", served_serial=1)])

    assert before == await placement(store)
    assert State.LEASED is before.state
    await store.work.settle([Settlement(claim=running, how=Settle.VERIFIED, served_serial=1)])
    assert State.VERIFIED is (await placement(store)).state


@pytest.mark.parametrize("how", Settle)
async def test_the_late_end_of_an_attempt_changes_nothing_of_what_is_proven(store, clock, how):
    """Its zone was proven meanwhile by another one."""
    await store.recording.record_push(a_push(serial=1))
    lost = await claimed(store)
    clock.advance(LEASE_S + 1)
    await store.work.settle([Settlement(claim=await claimed(store), how=Settle.VERIFIED, served_serial=1)])
    before = await placement(store)

    await store.work.settle([Settlement(claim=lost, how=how, reason="of the late one", served_serial=9)])

    assert before == await placement(store)


@pytest.mark.parametrize("state", [State.PENDING, State.LEASED, State.APPLIED, State.DEAD])
@pytest.mark.parametrize("newer", [a_push, a_delete])
async def test_a_newer_version_starts_with_all_its_attempts(store, clock, state, newer):
    """What the old one burned, and why, is not the new one's, wherever the old one was when it came."""
    await store.recording.record_push(a_push(serial=1))
    for _ in range(3):
        failed = Settlement(claim=await claimed(store), how=Settle.RETRY, reason="refused", due_at=clock.now_s())
        await store.work.settle([failed])
    if state is not State.PENDING:
        last = await claimed(store)
    if state is State.APPLIED:
        await store.work.settle([Settlement(claim=last, how=Settle.APPLIED, reason="not served yet")])
    if state is State.DEAD:
        await store.work.settle([Settlement(claim=last, how=Settle.BURY, reason="refused")])
    assert (state, True) == ((await placement(store)).state, (await placement(store)).attempts >= 3)

    if newer is a_push:
        await store.recording.record_push(a_push(serial=2))
    else:
        await store.recording.record_delete(a_delete())

    found = await placement(store)
    assert (0, "", 2) == (found.attempts, found.reason, found.want_version)
    clock.advance(LEASE_S + 1)
    assert (2, 0) == ((claim := await claimed(store)).version, claim.attempts)
