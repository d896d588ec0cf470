"""Upkeep: the start, back-pressure, backends that come and go, and what is forgotten."""

from __future__ import annotations

import asyncio

import pytest

from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.changes import Kind
from directdnsonly.outbox.deliveries import Settle, Settlement
from directdnsonly.outbox.kept import Event
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.opening import BACKENDS, NAME, finish, only_claim
from tests.support.made import a_delete, a_push


async def test_after_a_restart_leases_are_given_back_and_nothing_is_lost(opener):
    """Restart in any order: attempts go on where they were."""
    store = await opener.open()
    await store.recording.record_push(a_push("leased.example"))
    await store.recording.record_push(a_push("waiting.example"))
    claims = {claim.name: claim for claim in await store.work.claim("one", limit=10, lease_s=60)}
    later = opener.clock.now_s() + 120
    await store.work.settle([Settlement(claim=claims["waiting.example"], how=Settle.RETRY, reason="no", due_at=later)])
    await opener.close()

    store = await opener.open()

    assert ["leased.example"] == [claim.name for claim in await store.work.claim("one", limit=10, lease_s=60)]
    waiting = (await store.looking.placements(ZoneName.parse("waiting.example")))[0]
    assert (1, later, "no") == (waiting.attempts, waiting.due_at, waiting.reason)


async def test_a_clock_set_back_while_we_were_down_does_not_delay_for_ever(opener):
    """Faults A10: waiting times go on as they were, and a push just after is not held up as one of a storm."""
    store = await opener.open()
    await store.recording.record_push(a_push())
    await finish(store, "two")
    claim = await only_claim(store)
    await store.work.settle([Settlement(claim=claim, how=Settle.RETRY, due_at=opener.clock.now_s() + 30)])
    await opener.close()
    opener.clock.advance(-86_400)

    store = await opener.open()

    assert opener.clock.now_s() + 30 == await store.work.next_due_at("one")
    await store.recording.record_push(a_push(serial=2))
    assert await store.work.next_due_at("two") <= opener.clock.now_s() + 1


async def test_the_probe_tells_when_a_push_could_not_be_kept(opener):
    """The health answer must not say ready while pushes are refused; a push that is kept ends that."""
    store = await opener.open(backends=["one"], max_store_mb=1)
    await store.upkeep.probe()

    async def fill() -> None:
        for number in range(5000):
            await store.recording.record_push(a_push(f"zone-{number:05d}.example", content="x" * 100 + str(number)))

    with pytest.raises(OutboxUnavailable, match="full"):
        await fill()
    with pytest.raises(OutboxUnavailable, match="full"):
        await store.upkeep.probe()

    await opener.close()
    store = await opener.open(backends=["one"], max_store_mb=64)
    await store.recording.record_push(a_push())
    await store.upkeep.probe()


async def test_a_new_backend_is_given_every_zone_and_no_tombstone(opener):
    """Adding a backend to the configuration is all that is needed."""
    store = await opener.open(backends=["one"])
    await store.recording.record_push(a_push("kept.example"))
    await store.recording.record_push(a_push("gone.example"))
    await store.recording.record_delete(a_delete("gone.example"))
    await opener.close()

    store = await opener.open(backends=["one", "two"])

    assert ["kept.example"] == [claim.name for claim in await store.work.claim("two", limit=10, lease_s=60)]


async def test_a_backend_that_was_away_gets_what_it_missed_deletes_too(opener):
    """Disabled for a week, then enabled again."""
    store = await opener.open()
    await store.recording.record_push(a_push("changed.example", 1))
    await store.recording.record_push(a_push("gone.example", 1))
    await store.recording.record_push(a_push("same.example", 1))
    await finish(store, "two")
    await opener.close()
    store = await opener.open(backends=["one"])
    await store.recording.record_push(a_push("changed.example", 2))
    await store.recording.record_delete(a_delete("gone.example"))
    await opener.close()

    store = await opener.open()

    claims = {claim.name: (claim.kind, claim.version) for claim in await store.work.claim("two", limit=10, lease_s=60)}
    assert {"changed.example": (Kind.PUT, 2), "gone.example": (Kind.DELETE, 2)} == claims


async def test_old_history_and_proven_tombstones_are_forgotten_by_age(opener):
    """The newest version of a living zone stays, however old; events go."""
    store = await opener.open(history_days=1)
    await store.recording.record_event(Event(at=opener.clock.now_s(), event="zone.put"))
    await store.recording.record_push(a_push(serial=1))
    await store.recording.record_push(a_push(serial=2))
    await store.recording.record_push(a_push("gone.example"))
    await store.recording.record_delete(a_delete("gone.example"))
    for backend in BACKENDS:
        await finish(store, backend)
    opener.clock.advance(2 * 86_400)

    while await store.upkeep.prune():
        pass

    assert [] == await store.looking.events()
    assert await store.looking.text(NAME, 1) is None
    assert await store.looking.text(NAME) is not None
    assert await store.looking.zone(ZoneName.parse("gone.example")) is None
    assert [] == await store.looking.placements(ZoneName.parse("gone.example"))


async def test_a_full_store_refuses_exactly_what_it_cannot_keep_and_recovers(opener):
    """Faults A4: nothing acknowledged is lost, the refusal says why, and room makes it work again by itself."""
    store = await opener.open(backends=["one"], max_store_mb=1)
    kept: list[str] = []

    async def fill() -> None:
        for number in range(5000):
            content = "".join(f"{(number * 7919 + step) % 99991:05d}" for step in range(40))
            name = f"zone-{number:05d}.example"
            await store.recording.record_push(a_push(name, content=content))
            kept.append(name)

    with pytest.raises(OutboxUnavailable, match="full"):
        await fill()
    assert len(kept) > 100

    still_there = [str(zone.name) for zone in await store.looking.zones(limit=1000)]
    assert kept[: len(still_there)] == still_there
    await opener.close()

    store = await opener.open(backends=["one"], max_store_mb=64)
    assert len(kept) == await store.looking.count_zones()
    assert (await store.recording.record_push(a_push("after.example"))).changed


async def test_a_backlog_above_the_limit_refuses_pushes_but_not_deletes(opener):
    """Back-pressure with the reason instead of unbounded growth."""
    store = await opener.open(max_backlog=4)
    await store.recording.record_push(a_push("a.example"))
    await store.recording.record_push(a_push("b.example"))

    with pytest.raises(OutboxUnavailable, match="outstanding"):
        await store.recording.record_push(a_push("c.example"))

    assert (await store.recording.record_delete(a_delete("a.example"))).changed
    for backend in BACKENDS:
        await finish(store, backend)
    opener.clock.advance(10)
    assert (await store.recording.record_push(a_push("c.example"))).changed


async def test_under_the_disk_reserve_pushes_are_refused(opener):
    """A reserve that no disk has shows the rule. Deletes are taken."""
    store = await opener.open()
    await store.recording.record_push(a_push("held.example"))
    await opener.close()
    store = await opener.open(disk_reserve_mb=10**9)

    with pytest.raises(OutboxUnavailable, match="reserve"):
        await store.recording.record_push(a_push())
    assert (await store.recording.record_delete(a_delete("held.example"))).changed


async def test_a_backend_that_is_added_at_work_gets_every_zone_and_takes_nobodys_lease(opener):
    """As a bulk, so that people go first; an attempt on another backend that is under way ends as it would have."""
    store = await opener.open(backends=["one"])
    for name in ("a.example", "b.example"):
        await store.recording.record_push(a_push(name))
    claim = next(claim for claim in await store.work.claim("one", limit=10, lease_s=60) if claim.name == "a.example")

    await store.upkeep.change_backends(["one", "two"])
    await store.recording.record_push(a_push("c.example"))

    assert ["c.example"] == [claim.name for claim in await store.work.claim("two", limit=10, lease_s=60)]
    assert {"a.example", "b.example"} == {one.name for one in await store.work.claim("two", limit=10, lease_s=60)}
    assert ["c.example"] == [claim.name for claim in await store.work.claim("one", limit=10, lease_s=60)]
    await store.work.settle([Settlement(claim=claim, how=Settle.VERIFIED)])
    states = {place.backend: place.state for place in await store.looking.placements(ZoneName.parse("a.example"))}
    assert {"one": "verified", "two": "leased"} == {name: str(state) for name, state in states.items()}


async def test_pushes_go_on_while_a_backend_is_given_thousands_of_zones(opener):
    """It is done in steps: what is pushed and deleted between two of them is wanted there as it is now."""
    store = await opener.open(backends=["one"])
    names = [f"z{number:04d}.example" for number in range(2500)]
    await asyncio.gather(*(store.recording.record_push(a_push(name)) for name in names))
    adopting = asyncio.create_task(store.upkeep.change_backends(["one", "two"]))
    meanwhile = 0
    while not adopting.done():
        await store.recording.record_push(a_push(names[-1 - meanwhile], 2, content="newer"))
        await store.recording.record_delete(a_delete(names[meanwhile]))
        await store.recording.record_push(a_push(f"a{meanwhile}.example"))
        meanwhile += 1

    backlog = {one.backend: one.pending for one in await store.looking.backlog()}
    assert {"one": 2500 + meanwhile, "two": 2500 + meanwhile} == backlog
    assert meanwhile > 1
    for name, kind in ((names[0], Kind.DELETE), (names[-1], Kind.PUT), ("a0.example", Kind.PUT)):
        places = await store.looking.placements(ZoneName.parse(name))
        assert {("one", kind), ("two", kind)} == {(place.backend, place.want_kind) for place in places}


async def test_a_backend_that_is_taken_out_at_work_keeps_what_it_had(opener):
    """Pushes make no work for it; when it comes back it gets what it missed, and what it had is not done again."""
    store = await opener.open(backends=["one", "two"])
    await store.recording.record_push(a_push("old.example"))
    await store.upkeep.change_backends(["one"])

    await store.recording.record_push(a_push("new.example"))

    assert {"two": 1} == await store.operators.removed_backends(["one"])
    assert ["one"] == [one.backend for one in await store.looking.backlog()]
    await store.upkeep.change_backends(["one", "two"])
    assert ["old.example"] == [claim.name for claim in await store.work.claim("two", limit=10, lease_s=60)]
    assert ["new.example"] == [claim.name for claim in await store.work.claim("two", limit=10, lease_s=60)]


async def test_the_largest_size_of_the_store_is_raised_at_work(opener):
    """What was refused is taken, without a restart; and what is kept of each zone is another number at once."""
    store = await opener.open(backends=["one"], max_store_mb=1)

    async def fill() -> None:
        for number in range(5000):
            await store.recording.record_push(a_push(f"zone-{number:05d}.example", content="x" * 100 + str(number)))

    with pytest.raises(OutboxUnavailable, match="full"):
        await fill()

    await store.upkeep.follow(OutboxSettings(disk_reserve_mb=0, max_store_mb=64, history_versions=2))

    for serial in range(1, 6):
        await store.recording.record_push(a_push("more.example", serial, content=f"x{serial}"))
    assert [5, 4] == [one.version for one in await store.looking.versions(ZoneName.parse("more.example"))]
    await store.upkeep.follow(OutboxSettings(disk_reserve_mb=0, max_store_mb=64, max_backlog=1))
    with pytest.raises(OutboxUnavailable, match="outstanding"):
        await store.recording.record_push(a_push("many.example"))
