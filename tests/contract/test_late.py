"""What comes too late changes nothing: the end of a lost lease, an orphan's delete after a push, the failures of an older version."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.changes import Kind, Source
from directdnsonly.outbox.deliveries import Claim, Placement, Settle, Settlement
from directdnsonly.outbox.drift import Sighting, SightingState
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.zone.name import ZoneName
from tests.support.made import H2, a_delete, a_push

NAME = ZoneName.parse("example.com")
LEASE_S = 60.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    settings = OutboxSettings(disk_reserve_mb=0)
    async with open_store(tmp_path, settings=settings, clock=clock, backends=["one"]) as it:
        await it.upkeep.adopt_backends(["one"])
        yield it


async def claimed(store: SqliteStore) -> Claim:
    (claim,) = await store.work.claim("one", limit=10, lease_s=LEASE_S)
    return claim


async def placement(store: SqliteStore) -> Placement:
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


async def an_orphan(store: SqliteStore, clock: ManualClock) -> Sighting:
    """A zone that whole lists lacked, and whose grace is over."""
    await store.recording.record_push(a_push(serial=1))
    clock.advance(3600)
    first = clock.now_s()
    clock.advance(3600)
    seen = Sighting(
        name=NAME, version=1, server="h1.example", absences=3, first_at=first, last_at=clock.now_s(),
        state=SightingState.QUARANTINED, quarantined_at=clock.now_s(),
    )  # fmt: skip
    await store.drift.save_sightings([seen], [])
    return seen


async def test_an_orphan_is_deleted_when_nothing_came_meanwhile(store, clock):
    """The other side of the table below."""
    seen = await an_orphan(store, clock)

    receipt = await store.drift.record_orphan_delete(seen, a_delete(source=Source.RECONCILE))

    assert receipt is not None
    assert (True, 0) == (receipt.changed, await store.looking.count_zones())


@pytest.mark.parametrize(
    "meanwhile",
    ["the same again", "a newer push", "another server's push", "kept", "listed again", "counted anew", "deleted"],
)
async def test_an_orphan_is_not_deleted_when_anything_came_meanwhile(store, clock, meanwhile):
    """A push of the very same content, too: its server has the zone, whatever its list said before."""
    seen = await an_orphan(store, clock)
    clock.advance(60)
    match meanwhile:
        case "the same again":
            assert not (await store.recording.record_push(a_push(serial=1))).changed
        case "a newer push":
            await store.recording.record_push(a_push(serial=2))
        case "another server's push":
            await store.recording.record_push(a_push(serial=1, owner=H2))
        case "kept":
            assert await store.drift.keep(NAME)
        case "listed again":
            await store.drift.save_sightings([], [NAME])
        case "counted anew":
            await store.drift.save_sightings([replace(seen, state=SightingState.ABSENT, absences=1)], [])
        case "deleted":
            await store.recording.record_delete(a_delete())
    before = await store.looking.zone(NAME)

    receipt = await store.drift.record_orphan_delete(seen, a_delete(source=Source.RECONCILE))

    assert receipt is None
    assert before == await store.looking.zone(NAME)
    assert before is not None
    assert (meanwhile == "deleted") == (before.kind is Kind.DELETE)
