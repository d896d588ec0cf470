"""Version ids as a store keeps them: of each version, and of what it has forgotten."""

from __future__ import annotations

from dataclasses import replace

from directdnsonly.outbox.changes import Owner
from tests.contract.store_exercises.opening import NAME
from tests.support.made import H1, H2, a_delete, a_push


async def ids(store) -> list[str]:
    return [one.stated for one in await store.looking.versions(NAME)]


async def test_two_stores_that_were_told_the_same_know_it_by_the_same_ids(opener, tmp_path):
    """Whatever their credentials are called; the receipt, the zone and its history tell the same id."""
    store = await opener.open()
    told = [
        (await store.recording.record_push(a_push(serial=1))).stated,
        (await store.recording.record_push(a_push(serial=2))).stated,
    ]
    zone = await store.looking.zone(NAME)
    assert zone is not None
    assert told[::-1] == await ids(store)
    assert told[-1] == zone.stated
    await opener.close()

    opener.folder = tmp_path / "other"
    other = await opener.open()
    for one in (a_push(serial=1), a_push(serial=2)):
        elsewhere = replace(one.origin, owner=replace(H1, credential="elsewhere"))
        await other.recording.record_push(replace(one, origin=elsewhere))
    assert told[::-1] == await ids(other)


async def test_a_delete_has_an_id_of_its_own(store):
    """Whether two deletes are one request to two instances nobody can tell: each is known by itself."""
    seen = []
    for serial in (1, 2):
        await store.recording.record_push(a_push(serial=serial))
        seen.append((await store.recording.record_delete(a_delete())).stated)

    zone = await store.looking.zone(NAME)
    assert zone is not None
    assert seen[0] != seen[1] == zone.stated
    assert seen == [one.stated for one in await store.looking.versions(NAME) if one.kind == "delete"][::-1]


async def test_a_receipt_that_is_asked_for_later_tells_the_id(store):
    receipt = await store.recording.record_push(a_push())

    found = await store.looking.receipt(receipt.change_id)

    assert found is not None
    assert receipt.stated == found.stated != ""


async def test_the_same_push_again_counts_in_the_id_of_the_zone(store):
    """Nothing is delivered, and nothing new stands in its history."""
    first = await store.recording.record_push(a_push())
    again = await store.recording.record_push(a_push())

    zone = await store.looking.zone(NAME)
    assert zone is not None
    assert not again.changed
    assert first.stated[:-4] == zone.stated[:-4]
    assert ("0000", "0001") == (first.stated[-4:], zone.stated[-4:])
    assert [zone.stated] == await ids(store)


async def test_a_new_owner_of_the_same_content_is_another_id(store):
    first = await store.recording.record_push(a_push())
    await store.recording.record_push(a_push(owner=H2))
    zone = await store.looking.zone(NAME)

    assert zone is not None
    assert first.stated[:-4] != zone.stated[:-4]
    assert Owner(credential="da", hostname="h2.example", username="alice") == zone.owner
