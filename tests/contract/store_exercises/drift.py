"""Drift: an orphan is deleted only if it is still what was absent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.changes import Kind, Source
from directdnsonly.outbox.drift import Sighting, SightingState
from directdnsonly.outbox.store import Store
from tests.contract.store_exercises.opening import NAME, Opener
from tests.support.made import H2, a_delete, a_push


@pytest.fixture
async def store(opener: Opener) -> Store:
    return await opener.open(backends=["one"])


async def an_orphan(store: Store, clock: ManualClock) -> Sighting:
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
