"""What the store gives to the judgement of who may, and keeps of it; each act in one transaction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from directdnsonly.errors import OwnershipRefused
from directdnsonly.outbox.changes import Kind, NewPin, Owner, Source
from directdnsonly.outbox.drift import Sighting, SightingState
from tests.contract.store_exercises.opening import NAME
from tests.support.made import H2, a_delete, a_push

BOUND = Owner(credential="script", hostname="h2.example")


@pytest.mark.parametrize("source", [Source.API, Source.ROLLBACK])
async def test_a_bound_credential_changes_no_other_servers_zone(store, source):
    """Whatever it had been told before: the store itself refuses, and nothing is recorded."""
    await store.recording.record_push(a_push())

    with pytest.raises(OwnershipRefused, match=r"belongs to h1\.example"):
        await store.recording.record_push(a_push(serial=2, owner=BOUND, source=source))
    with pytest.raises(OwnershipRefused, match=r"belongs to h1\.example"):
        await store.recording.record_delete(a_delete(owner=BOUND, source=Source.API))

    assert (1, Kind.PUT) == ((await store.looking.zone(NAME)).version, (await store.looking.zone(NAME)).kind)


async def test_a_delete_that_gives_way_records_nothing(store):
    """It names what is to be recorded in its place; when that cannot be, the delete goes on and what waited is over."""
    await store.recording.record_push(a_push())
    await store.recording.record_push(replace(a_push(serial=2, owner=H2), takeover="hold"))

    receipt = await store.recording.record_delete(a_delete())

    assert (False, (await store.approval.held_push(NAME)).digest) == (receipt.changed, receipt.gives_way)
    assert await store.looking.receipt(receipt.change_id) is None
    gone = await store.recording.record_delete(replace(a_delete(), gives_way=False))
    assert (True, ["push.dropped"]) == (gone.changed, [notice.event for notice in gone.notices])
    assert await store.approval.held_push(NAME) is None


async def test_an_older_pull_does_not_win_over_a_push_that_waits_behind_a_pin(store):
    """The pull was made for version 1; version 2 waits: releasing the zone serves version 2."""
    await store.recording.record_push(a_push(serial=1))
    await store.recording.pin(NewPin(name=NAME, actor="me"))
    await store.recording.record_push(a_push(serial=3))

    receipt = await store.recording.record_push(replace(a_push(serial=2, source=Source.PULL), only_if_version=1))

    assert "version 2 came meanwhile" == receipt.ignored
    await store.recording.unpin(NAME, a_push().origin)
    assert '"v3"' in await store.looking.published_text(NAME)


async def test_a_take_over_with_the_same_content_outlives_the_pin(store):
    """Nothing else came while the zone was pinned but its new server: releasing it must not give it back to the old one."""
    await store.recording.record_push(a_push(serial=1))
    await store.recording.pin(NewPin(name=NAME, actor="me"))
    await store.recording.record_push(a_push(serial=1, owner=H2))

    assert not (await store.recording.unpin(NAME, a_push().origin)).changed

    assert H2 == (await store.looking.zone(NAME)).owner


async def test_a_pinned_zone_is_no_orphan(store, opener):
    """A person holds it, and it was pushed again meanwhile: the pass deletes nothing."""
    await store.recording.record_push(a_push(serial=1))
    await store.recording.pin(NewPin(name=NAME, actor="me"))
    now = opener.clock.now_s()
    sighting = Sighting(
        name=NAME, version=1, server="h1.example", absences=3, first_at=now, last_at=now, quarantined_at=now,
        state=SightingState.QUARANTINED,
    )  # fmt: skip
    await store.drift.save_sightings([sighting], [])
    opener.clock.advance(3600)
    await store.recording.record_push(a_push(serial=2))

    assert await store.drift.record_orphan_delete(sighting, a_delete(source=Source.RECONCILE)) is None

    await store.recording.unpin(NAME, a_push().origin)
    assert Kind.PUT is (await store.looking.zone(NAME)).kind


async def test_an_orphan_that_another_server_waits_for_is_not_deleted(store, opener):
    """The take-over is let in by the pass instead."""
    await store.recording.record_push(a_push(serial=1))
    now = opener.clock.now_s()
    sighting = Sighting(
        name=NAME, version=1, server="h1.example", absences=3, first_at=now, last_at=now, quarantined_at=now,
        state=SightingState.QUARANTINED,
    )  # fmt: skip
    await store.drift.save_sightings([sighting], [])
    await store.recording.record_push(replace(a_push(serial=2, owner=H2), takeover="hold"))

    receipt = await store.drift.record_orphan_delete(sighting, a_delete(source=Source.RECONCILE))

    assert (False, "a push of h2.example waits for it") == (receipt.changed, receipt.ignored)
    assert await store.approval.held_push(NAME) is not None
