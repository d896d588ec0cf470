"""A tombstone is forgotten after its time; a zone of the same name that is made later is not taken for the old one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from directdnsonly.api.changes import follow
from directdnsonly.errors import VersionConflict
from directdnsonly.outbox.changes import Kind, NewPin, Source, Terms
from directdnsonly.outbox.deliveries import Settle, Settlement
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.store import Store
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.opening import NAME, Opener, finish
from tests.support.made import a_delete, a_push

DAY_S = 86_400.0


async def forget(store: Store, opener: Opener, *, days: float = 91) -> None:
    opener.clock.advance(days * DAY_S)
    while await store.upkeep.prune():
        pass


async def made_again(store: Store, opener: Opener) -> int:
    """Pushed, deleted, proven, forgotten, pushed again; the new number."""
    await store.recording.record_push(a_push(serial=1))
    await store.recording.record_delete(a_delete())
    await finish(store)
    await forget(store, opener)
    assert await store.looking.zone(NAME) is None
    assert [] == await store.looking.placements(NAME)
    return (await store.recording.record_push(a_push(serial=7, content="new"))).version


async def test_a_zone_made_again_goes_on_above_the_number_that_was_forgotten(opener):
    """And every other zone that is made from then on: no number is given twice. One that lives goes on as it was."""
    store = await opener.open(backends=["one"])
    await store.recording.record_push(a_push("living.example", 1))

    assert 3 == await made_again(store, opener)
    assert 3 == (await store.recording.record_push(a_push("other.example"))).version
    assert 2 == (await store.recording.record_push(a_push("living.example", 2))).version
    await finish(store)
    assert (State.VERIFIED, 3) == (
        (await store.looking.placements(NAME))[0].state,
        (await store.looking.placements(NAME))[0].verified_version,
    )


async def test_an_if_match_for_the_old_zone_never_fits_the_new_one(opener):
    """A client that has read version 1 of the zone that is gone does not write over another one's."""
    store = await opener.open(backends=["one"])
    await made_again(store, opener)

    with pytest.raises(VersionConflict):
        await store.recording.record_push(replace(a_push(serial=9), terms=Terms(expected_version=1)))


async def test_an_attempt_on_the_old_zone_that_ends_late_never_proves_the_new_one(opener):
    """Fences begin anew with the row; the number of the version does not."""
    store = await opener.open(backends=["one"])
    await store.recording.record_push(a_push(serial=1))
    (late,) = await store.work.claim("one", limit=1, lease_s=1)
    opener.clock.advance(2)
    await store.recording.record_delete(a_delete())
    await finish(store)
    await forget(store, opener)
    await store.recording.record_push(a_push(serial=7, content="new"))
    (running,) = await store.work.claim("one", limit=1, lease_s=60)
    assert late.fence == running.fence

    await store.work.settle([Settlement(claim=late, how=Settle.VERIFIED, served_serial=1)])
    opener.clock.advance(61)
    (again,) = await store.work.claim("one", limit=1, lease_s=60)

    assert '"new"' in str(again.text)


async def test_a_receipt_of_the_old_zone_comes_to_an_end(opener):
    """The zone was deleted once more shortly before its tombstone was forgotten: that change is done, not waited for."""
    store = await opener.open(backends=["one"])
    await store.recording.record_push(a_push(serial=1))
    await store.recording.record_delete(a_delete())
    await finish(store)
    opener.clock.advance(80 * DAY_S)
    receipt = await store.recording.record_delete(a_delete(source=Source.API))
    await forget(store, opener, days=11)
    await store.recording.record_push(a_push(serial=7, content="new"))
    await finish(store)

    kept = await store.looking.receipt(receipt.change_id)

    assert kept is not None
    assert (await follow(store.looking, kept, wait_s=0)).done


async def test_a_zone_that_is_not_ours_is_removed_above_the_floor_too(opener):
    """Its tombstone is one like any other."""
    store = await opener.open(backends=["one"])
    await made_again(store, opener)

    assert 1 == await store.drift.record_extra_delete("one", [ZoneName.parse("extra.example")], change_id="x")

    found = await store.looking.zone(ZoneName.parse("extra.example"))
    assert (Kind.DELETE, 3) == (found.kind, found.version)


async def test_a_backend_that_is_away_keeps_the_tombstone_of_what_it_serves(opener):
    """However long it is away: when it comes back the zone is deleted there, too, and only then forgotten."""
    store = await opener.open(backends=["one", "two"])
    await store.recording.record_push(a_push())
    await finish(store)
    await finish(store, "two")
    await opener.close()
    store = await opener.open(backends=["one"])
    await store.recording.record_delete(a_delete())
    opener.clock.advance(1)
    await finish(store)
    await forget(store, opener, days=400)
    await opener.close()
    store = await opener.open(backends=["one", "two"])

    (claim,) = await store.work.claim("two", limit=9, lease_s=60)

    assert (NAME, Kind.DELETE) == (claim.name, claim.kind)
    await store.work.settle([Settlement(claim=claim, how=Settle.VERIFIED)])
    await forget(store, opener)
    assert await store.looking.zone(NAME) is None


async def test_one_start_with_a_clock_years_ahead_forgets_nothing(opener):
    """History and tombstones are there when the clock is put right; and after a second start with the wrong one."""
    store = await opener.open(backends=["one"])
    for serial in (1, 2):
        await store.recording.record_push(a_push(serial=serial))
    await store.recording.record_push(a_push("gone.example"))
    await store.recording.record_delete(a_delete("gone.example"))
    await finish(store)
    assert 0 == await store.upkeep.judge_clock()
    await opener.close()

    opener.clock.advance(730 * DAY_S)
    for _ in range(2):
        store = await opener.open(backends=["one"])
        assert 730 == round(await store.upkeep.judge_clock() / DAY_S)
        assert 0 == await store.upkeep.prune()
        await opener.close()

    opener.clock.advance(-730 * DAY_S)
    store = await opener.open(backends=["one"])
    assert 0 == await store.upkeep.judge_clock()
    assert [2, 1] == [one.version for one in await store.looking.versions(NAME)]
    assert await store.looking.zone(ZoneName.parse("gone.example")) is not None


async def test_a_clock_that_was_right_is_believed_after_a_week_and_old_things_are_forgotten(opener):
    """The service was down for two years."""
    store = await opener.open(backends=["one"])
    for serial in (1, 2):
        await store.recording.record_push(a_push(serial=serial))
    await finish(store)
    await store.upkeep.judge_clock()
    await opener.close()
    opener.clock.advance(730 * DAY_S)
    store = await opener.open(backends=["one"])
    await store.upkeep.judge_clock()

    for _ in range(7):
        assert 0 == await store.upkeep.prune()
        opener.clock.advance(DAY_S)
        ahead = await store.upkeep.judge_clock()
    while await store.upkeep.prune():
        pass

    assert 0 == ahead
    assert [2] == [one.version for one in await store.looking.versions(NAME)]


async def test_a_deleted_zone_is_not_forgotten_while_a_pin_holds_it(opener):
    """Also where no backend has it: what a person holds is served again when there is one."""
    store = await opener.open(backends=[])
    await store.recording.record_push(a_push(NAME))
    await store.recording.pin(NewPin(name=NAME, actor="anna"))
    await store.recording.record_delete(a_delete(NAME))

    await forget(store, opener)

    assert 1 == await store.looking.count_zones()
    assert '"v1"' in await store.looking.published_text(NAME)
