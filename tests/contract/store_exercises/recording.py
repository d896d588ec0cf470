"""Recording: versions, receipts, owners, serials, and pins."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from directdnsonly.errors import OutboxUnavailable, ZonePolicyError
from directdnsonly.outbox.changes import Kind, NewPin, Origin, Owner, Source
from directdnsonly.outbox.lifecycle import State
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.opening import BACKENDS, NAME, finish, only_claim
from tests.support.made import H1, H2, a_change_id, a_delete, a_push


def a_pin(version: int | None = None, reason: str = "") -> NewPin:
    return NewPin(name=NAME, actor="bob", address="192.0.2.1", reason=reason, version=version)


def by_bob() -> Origin:
    return Origin(change_id=a_change_id(), source=Source.API, owner=Owner(credential="bob"))


async def test_a_push_becomes_version_one_and_is_due_on_every_backend(store):
    """The receipt tells the version; each backend has one delivery."""
    receipt = await store.recording.record_push(a_push(serial=7))

    assert (1, Kind.PUT, True, 7) == (receipt.version, receipt.kind, receipt.changed, receipt.serial)
    assert [("one", State.PENDING), ("two", State.PENDING)] == [
        (placement.backend, placement.state) for placement in await store.looking.placements(NAME)
    ]


async def test_versions_count_pushes_and_deletes_of_a_zone_alike(store):
    """Save and delete share one order (promise 2)."""
    versions = [
        (await store.recording.record_push(a_push(serial=1))).version,
        (await store.recording.record_delete(a_delete())).version,
        (await store.recording.record_push(a_push(serial=2))).version,
    ]

    assert [1, 2, 3] == versions


async def test_concurrent_pushes_of_one_zone_get_distinct_versions(store):
    """The increment happens in the transaction that reads the version before."""
    receipts = await asyncio.gather(*(store.recording.record_push(a_push(serial=serial)) for serial in range(1, 101)))

    assert list(range(1, 101)) == sorted(receipt.version for receipt in receipts)


@pytest.mark.parametrize(("pusher", "waits_on"), [(H1, True), (H2, False)], ids=["another server's", "its own"])
async def test_a_recorded_push_ends_what_waited_of_its_own_server(store, pusher, waits_on):
    """A takeover that waits for approval is void once that server's push is recorded; another's push leaves it."""
    await store.recording.record_push(a_push(serial=1))
    held = replace(a_push(serial=2, content="theirs", owner=H2), takeover="hold", body=b"x")
    assert (await store.recording.record_push(held)).withheld is not None

    await store.recording.record_push(a_push(serial=2, owner=pusher))

    assert waits_on == (await store.approval.held_push(NAME) is not None)


async def test_the_same_content_again_is_recorded_but_gives_no_work(store):
    """On the zone's own row: DirectAdmin is told no id, so nobody can ask for the change."""
    await store.recording.record_push(a_push(serial=1))
    await finish(store)

    receipt = await store.recording.record_push(a_push(serial=1))

    assert (False, 1) == (receipt.changed, receipt.version)
    assert 0 == await finish(store)
    assert await store.looking.receipt(receipt.change_id) is None


async def test_deleting_the_unknown_changes_nothing(store):
    receipt = await store.recording.record_delete(a_delete("nobody.example"))

    assert (False, "") == (receipt.changed, receipt.ignored)
    assert [] == await store.looking.placements(ZoneName.parse("nobody.example"))


async def test_a_late_delete_from_the_former_server_removes_nothing(store):
    """A pushed, B pushed, A deletes late."""
    await store.recording.record_push(a_push(serial=1, owner=H1))
    moved = await store.recording.record_push(a_push(serial=2, owner=H2))

    late = await store.recording.record_delete(a_delete(owner=H1))

    assert H1 == moved.took_over
    assert (False, True) == (late.changed, bool(late.ignored))
    assert NAME == (await store.looking.find_held([NAME])).name


async def test_a_zone_made_again_with_a_lower_serial_moves_forward(store):
    """Promise 10; the tombstone remembers."""
    await store.recording.record_push(a_push(serial=2026010105))
    await store.recording.record_delete(a_delete())

    receipt = await store.recording.record_push(a_push(serial=2026010100))

    assert 2026010106 == receipt.serial
    assert " 2026010106 3600" in await store.looking.text(NAME)
    summary = await store.looking.zone(NAME)
    assert (2026010106, 2026010100) == (summary.serial, summary.pushed_serial)


async def test_an_edit_by_api_keeps_the_owner(store):
    """DirectAdmin's later delete still counts."""
    await store.recording.record_push(a_push(serial=1, owner=H1))
    await store.recording.record_push(a_push(serial=2, owner=Owner(credential="bob"), source=Source.API))

    assert H1 == (await store.looking.zone(NAME)).owner
    assert (await store.recording.record_delete(a_delete(owner=H1))).changed


async def test_a_rollback_is_a_new_version_whose_serial_moves_forward(store):
    """The old content, the owner as it was, and secondaries that follow (RFC 1982)."""
    await store.recording.record_push(a_push(serial=10, content="old", owner=H1))
    await store.recording.record_push(a_push(serial=11, content="new", owner=H1))

    back = await store.recording.record_push(
        a_push(serial=10, content="old", owner=Owner(credential="bob"), source=Source.ROLLBACK)
    )

    assert (3, 12, True) == (back.version, back.serial, back.changed)
    assert '"old"' in await store.looking.text(NAME)
    assert H1 == (await store.looking.zone(NAME)).owner


async def test_a_rollback_brings_a_deleted_zone_back_to_its_owner(store):
    """The late delete of somebody else's is undone."""
    await store.recording.record_push(a_push(serial=10, owner=H1))
    await store.recording.record_delete(a_delete(owner=H1))

    back = await store.recording.record_push(a_push(serial=10, owner=Owner(credential="bob"), source=Source.ROLLBACK))

    assert (3, 11) == (back.version, back.serial)
    assert H1 == (await store.looking.zone(NAME)).owner


async def test_a_signed_zone_is_not_rolled_back_behind_its_serial(store):
    """Rewriting the serial would break the signatures; nothing is recorded."""

    def signed(push):
        return replace(push, zone=push.zone.model_copy(update={"signed": True}))

    await store.recording.record_push(signed(a_push(serial=10, content="old")))
    await store.recording.record_push(signed(a_push(serial=11, content="new")))

    with pytest.raises(ZonePolicyError, match="signed"):
        await store.recording.record_push(signed(a_push(serial=10, content="old", source=Source.ROLLBACK)))

    assert 2 == (await store.looking.zone(NAME)).version


async def test_a_pinned_zone_records_pushes_and_serves_on_what_it_had(store):
    """Acknowledged and kept, but the pinned version stays the wanted one, also for reconciling and new backends."""
    await store.recording.record_push(a_push(serial=1))
    for backend in BACKENDS:
        await finish(store, backend)
    pin = await store.recording.pin(a_pin(reason="investigating"))
    assert (1, "bob", "192.0.2.1", "investigating", None) == (
        pin.version, pin.actor, pin.address, pin.reason, pin.waiting_version,
    )  # fmt: skip

    receipt = await store.recording.record_push(a_push(serial=2))

    assert (2, False, True) == (receipt.version, receipt.changed, "pinned at version 1" in receipt.ignored)
    assert receipt.ignored == (await store.looking.receipt(receipt.change_id)).ignored
    assert 0 == await finish(store)
    assert (1, 1) == ((await store.looking.zone(NAME)).version, (await store.looking.zone(NAME)).serial)
    assert '"v1"' in await store.looking.text(NAME)
    assert [2, 1] == [line.version for line in await store.looking.versions(NAME)]
    assert 2 == (await store.looking.pin_of(NAME)).waiting_version
    await store.work.requeue("one", [NAME], reason="drift")
    assert 1 == (await only_claim(store)).version


async def test_releasing_a_pin_makes_the_newest_push_wanted(store, opener):
    """One delivery, whatever came meanwhile; and the zone is an ordinary one again."""
    await store.recording.record_push(a_push(serial=1))
    await finish(store)
    await store.recording.pin(a_pin())
    for serial in (2, 3, 4):
        await store.recording.record_push(a_push(serial=serial, owner=H2))

    released = await store.recording.unpin(NAME, by_bob())
    opener.clock.advance(1)

    assert (4, True, 4) == (released.version, released.changed, released.serial)
    assert released == await store.looking.receipt(released.change_id)
    assert (4, 4) == ((claim := await only_claim(store)).version, claim.serial)
    assert H2 == (await store.looking.zone(NAME)).owner
    assert await store.looking.pin_of(NAME) is None
    assert await store.recording.unpin(NAME, by_bob()) is None
    assert (5, True) == (
        (after := await store.recording.record_push(a_push(serial=5, owner=H2))).version,
        after.changed,
    )


async def test_a_pin_that_nothing_waits_behind_is_released_without_work(store):
    """The same content again is no new version, pinned or not."""
    await store.recording.record_push(a_push(serial=1))
    await finish(store)
    await store.recording.pin(a_pin())
    again = await store.recording.record_push(a_push(serial=1))

    released = await store.recording.unpin(NAME, by_bob())

    assert (False, "", False) == (again.changed, again.ignored, released.changed)
    assert 0 == await finish(store)


async def test_a_delete_of_a_pinned_zone_waits_like_a_push(store, opener):
    """Deletes are versions; after the release the zone is gone, unless it was pushed again."""
    await store.recording.record_push(a_push(serial=1))
    await finish(store)
    await store.recording.pin(a_pin())

    receipt = await store.recording.record_delete(a_delete())
    assert (2, False, True) == (receipt.version, receipt.changed, "pinned" in receipt.ignored)
    assert NAME == (await store.looking.find_held([NAME])).name
    assert (False, 2) == ((again := await store.recording.record_delete(a_delete())).changed, again.version)
    assert (3, 2) == ((back := await store.recording.record_push(a_push(serial=1))).version, back.serial)
    await store.recording.record_delete(a_delete())
    await store.recording.unpin(NAME, by_bob())
    opener.clock.advance(1)

    assert (Kind.DELETE, 4) == ((claim := await only_claim(store)).kind, claim.version)
    assert await store.looking.find_held([NAME]) is None


async def test_a_pin_survives_restart_and_pruning_and_only_living_zones_have_one(opener):
    """History by count and age never takes the pinned version."""
    store = await opener.open(history_versions=2, history_days=1)
    await store.recording.record_push(a_push(serial=1))
    await store.recording.pin(a_pin())
    for serial in range(2, 8):
        await store.recording.record_push(a_push(serial=serial))
    opener.clock.advance(3 * 86_400)
    while await store.upkeep.prune():
        pass
    await opener.close()

    store = await opener.open()

    assert (1, 7) == ((pin := await store.looking.pin_of(NAME)).version, pin.waiting_version)
    assert '"v1"' in await store.looking.text(NAME)
    assert '"v7"' in await store.looking.text(NAME, 7)
    assert 1 == (await only_claim(store)).version
    nobody = NewPin(name=ZoneName.parse("nobody.example"), actor="bob")
    assert await store.recording.pin(nobody) is None


async def test_a_pin_is_refused_when_a_newer_version_came_first(store):
    """Who pins what he has seen must not pin what he has not."""
    await store.recording.record_push(a_push(serial=1))
    await store.recording.record_push(a_push(serial=2))

    with pytest.raises(ZonePolicyError, match="version 2 is the wanted one"):
        await store.recording.pin(a_pin(version=1))

    assert await store.looking.pin_of(NAME) is None
    assert 2 == (await store.recording.pin(a_pin(version=2))).version
    assert (2, "again") == (
        (await store.recording.pin(a_pin(reason="again"))).version,
        (await store.looking.pin_of(NAME)).reason,
    )


async def test_a_store_at_its_limit_says_so_before_anybody_pushes(opener):
    """After a restart nobody has met it yet."""
    store = await opener.open(backends=["one"], max_store_mb=1)

    async def fill() -> None:
        for number in range(5000):
            await store.recording.record_push(a_push(f"zone-{number:05d}.example", content="x" * 100 + str(number)))

    with pytest.raises(OutboxUnavailable, match="full"):
        await fill()
    await opener.close()
    store = await opener.open(backends=["one"], max_store_mb=1)

    with pytest.raises(OutboxUnavailable, match=r"is full: it has reached its 1 MB \(outbox.max_store_mb\)"):
        await store.upkeep.probe()
    assert store.upkeep.condition().free_bytes < 64 * 1024
