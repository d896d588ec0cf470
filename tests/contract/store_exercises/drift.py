"""Drift: an orphan is deleted only if it is still what was absent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.changes import Kind, Source
from directdnsonly.outbox.drift import Sighting, SightingState
from directdnsonly.outbox.store import Store
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.opening import NAME, Opener, finish
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


async def test_what_a_name_server_has_is_ours_a_strangers_or_a_deleted_zone_that_lingers(opener):
    """A stranger's may be deleted there as a whole (`extra_zones`), one that lingers is deleted again; all others stay.

    Backend by backend: what was deleted before a backend came was never ours there.
    """
    names = ["served", "waits", "lingers", "is-deleted", "comes-again", "stranger"]
    store = await opener.open(backends=["one"])
    for name in ("served", "lingers", "is-deleted", "comes-again"):
        await store.recording.record_push(a_push(f"{name}.example"))
    assert 4 == await finish(store)
    for name in ("lingers", "comes-again"):
        await store.recording.record_delete(a_delete(f"{name}.example"))
    opener.clock.advance(60)
    assert 2 == await finish(store)
    await opener.close()
    store = await opener.open(backends=["one", "two"])
    for name in ("waits", "comes-again"):
        await store.recording.record_push(a_push(f"{name}.example", serial=2))
    await store.recording.record_delete(a_delete("is-deleted.example"))

    found = {
        backend: await store.drift.not_ours(backend, [ZoneName.parse(f"{name}.example") for name in names])
        for backend in ("one", "two")
    }

    assert {
        "one": (["stranger.example"], ["lingers.example"]),
        "two": (["lingers.example", "stranger.example"], []),
    } == found
