"""What a change is recorded under is judged, and its key kept, in the change's own transaction."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from directdnsonly.errors import KeyTaken, VersionConflict, ZonePolicyError
from directdnsonly.outbox.changes import NewDeletion, NewPin, NewVersion, Owner, Terms
from tests.contract.store_exercises.opening import NAME
from tests.support.made import a_delete, a_push

KEY = Terms(key="deploy-17", fingerprint=b"asked")
SMALL, BIG = Owner(credential="small"), Owner(credential="big")


def under(change: NewVersion, terms: Terms) -> NewVersion:
    return replace(change, terms=terms)


def limited(name: str, *, owner: Owner = SMALL, most: int = 2, **more: object) -> NewVersion:
    return under(a_push(name, owner=owner, **more), Terms(max_zones=most))


def gone(name: str, terms: Terms, owner: Owner = SMALL) -> NewDeletion:
    return replace(a_delete(name, owner=owner), terms=terms)


async def test_a_key_is_never_used_twice(store):
    """Of twenty at the same moment one is recorded; the others change nothing. After a day the key is free again."""
    pushes = [store.recording.record_push(under(a_push(serial=number), KEY)) for number in range(1, 21)]
    results = await asyncio.gather(*pushes, return_exceptions=True)

    assert 19 == sum(isinstance(result, KeyTaken) for result in results)
    assert 1 == (await store.looking.zone(NAME)).version
    with pytest.raises(KeyTaken):
        await store.recording.record_delete(gone("example.com", KEY, Owner(credential="da")))
    assert (
        2 == (await store.recording.record_push(under(a_push(serial=30, owner=BIG), KEY))).version
    )  # a key of another's


async def test_a_key_is_free_after_a_day(opener):
    store = await opener.open()
    await store.recording.record_push(under(a_push(serial=1), KEY))
    opener.clock.advance(86_401)

    assert await store.looking.repeated("da", KEY.key) is None
    assert 2 == (await store.recording.record_push(under(a_push(serial=2), KEY))).version


async def test_of_many_that_name_one_version_one_wins(store):
    """Pushes and deletes of the same version at the same moment: the store itself lets one of them through."""
    first = Terms(expected_version=0)
    made = await asyncio.gather(
        *(store.recording.record_push(under(a_push(serial=number), first)) for number in range(1, 21)),
        return_exceptions=True,
    )
    assert 19 == sum(isinstance(result, VersionConflict) for result in made)

    second = Terms(expected_version=1)
    changes = [store.recording.record_push(under(a_push(serial=50 + number), second)) for number in range(10)]
    changes += [store.recording.record_delete(gone("example.com", second, Owner(credential="da"))) for _ in range(10)]
    results = await asyncio.gather(*changes, return_exceptions=True)

    assert 19 == sum(isinstance(result, VersionConflict) for result in results)
    assert 2 == (await store.looking.zone(NAME)).version


async def test_what_waits_behind_a_pin_is_the_newest_version(store):
    """Who has not seen the waiting version does not write over it."""
    await store.recording.record_push(a_push(serial=1))
    await store.recording.pin(NewPin(name=NAME, actor="anna"))
    await store.recording.record_push(a_push(serial=2))

    with pytest.raises(VersionConflict, match="version 2"):
        await store.recording.record_push(under(a_push(serial=3), Terms(expected_version=1)))
    assert 3 == (await store.recording.record_push(under(a_push(serial=3), Terms(expected_version=2)))).version


async def test_no_number_of_pushes_at_once_passes_the_limit(store):
    """Forty new zones at the same moment, room for seven."""
    await store.upkeep.count_limited(["small"])
    pushes = [store.recording.record_push(limited(f"z{number}.example", most=7)) for number in range(40)]
    results = await asyncio.gather(*pushes, return_exceptions=True)

    refused = [result for result in results if isinstance(result, ZonePolicyError)]
    assert (33, {"credential-zones"}) == (len(refused), {error.rule for error in refused})
    assert 7 == await store.looking.count_zones()
