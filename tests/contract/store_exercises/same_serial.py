"""What a claim knows of its serial: whether it tells the version from what may be served at that backend by now."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from directdnsonly.outbox.changes import NewVersion
from directdnsonly.outbox.deliveries import Claim, Settle, Settlement
from directdnsonly.outbox.store import Store
from tests.contract.store_exercises.opening import NAME, Opener
from tests.support.made import a_delete, a_push


@pytest.fixture
async def store(opener: Opener) -> Store:
    opened = await opener.open(backends=["one"], history_versions=3)
    opened.clock = opener.clock  # type: ignore[attr-defined]
    return opened


def signed(serial: int, content: str) -> NewVersion:
    """Its serial is published as it is, also where it does not go forward."""
    push = a_push(NAME, serial, content=content)
    return NewVersion(zone=push.zone.model_copy(update={"signed": True}), origin=push.origin)


async def claimed(store: Store) -> Claim:
    store.clock.advance(10)  # type: ignore[attr-defined]
    (claim,) = await store.work.claim("one", limit=5, lease_s=60)
    return claim


async def ended(store: Store, how: Settle) -> Claim:
    """Claim it, and end the attempt so."""
    claim = await claimed(store)
    served = claim.serial if how is Settle.VERIFIED else None
    await store.work.settle([Settlement(claim=claim, how=how, reason="why", served_serial=served)])
    return claim


async def test_a_new_zone_and_a_new_serial_are_told_by_the_serial(store):
    for serial in (5, 6, 7):
        await store.recording.record_push(a_push(NAME, serial))
        claim = await ended(store, Settle.VERIFIED)
        assert not claim.unsure


async def test_the_serial_that_was_proven_before_tells_nothing_of_other_content(store):
    await store.recording.record_push(signed(5, "one"))
    await ended(store, Settle.VERIFIED)
    await store.recording.record_push(signed(5, "two"))

    claim = await ended(store, Settle.RETRY)
    again = await claimed(store)

    assert (True, False) == (claim.same_serial, claim.proven_before)
    assert again.same_serial  # the attempt that failed has proven nothing


async def test_a_version_that_was_applied_and_never_proven_may_be_what_is_served(store):
    """5 is proven; 6 was given up; 6 again, with other content."""
    await store.recording.record_push(signed(5, "one"))
    await ended(store, Settle.VERIFIED)
    await store.recording.record_push(signed(6, "two"))
    await ended(store, Settle.BURY)
    await store.recording.record_push(signed(6, "three"))

    assert (await claimed(store)).same_serial


async def test_a_serial_of_long_ago_is_none_of_what_is_served(store):
    """5 proven, 6 proven, 5 again: what is served has 6."""
    for serial in (5, 6):
        await store.recording.record_push(signed(serial, f"of {serial}"))
        await ended(store, Settle.VERIFIED)
    await store.recording.record_push(signed(5, "again"))

    assert not (await claimed(store)).unsure


async def test_the_proven_serial_is_known_when_its_version_is_forgotten(store):
    """More versions than are kept came while the name server was away."""
    await store.recording.record_push(signed(5, "one"))
    await ended(store, Settle.VERIFIED)
    for serial in range(6, 16):
        await store.recording.record_push(signed(serial, f"of {serial}"))
    await store.recording.record_push(signed(5, "again"))

    assert (await claimed(store)).same_serial


@pytest.mark.parametrize("again", ["requeue", "redeliver"])
async def test_what_was_proven_and_is_delivered_again_is_not_told_by_its_serial(store, again):
    await store.recording.record_push(a_push(NAME, 5))
    await ended(store, Settle.VERIFIED)
    calls: dict[str, Callable] = {
        "requeue": lambda: store.work.requeue("one", [NAME], reason="drift"),
        "redeliver": lambda: store.operators.redeliver(NAME, ["one"], reason="told to"),
    }
    await calls[again]()

    claim = await claimed(store)

    assert (True, False) == (claim.proven_before, claim.same_serial)


async def test_a_zone_that_was_made_again_under_its_old_serial_is_compared(store):
    """Deleted and made again before the name server was told of either."""
    await store.recording.record_push(signed(5, "one"))
    await ended(store, Settle.VERIFIED)
    await store.recording.record_delete(a_delete(NAME))
    await store.recording.record_push(signed(5, "two"))

    assert (await claimed(store)).same_serial


async def test_a_delete_has_no_content(store):
    await store.recording.record_push(a_push(NAME, 5))
    await ended(store, Settle.VERIFIED)
    await store.recording.record_delete(a_delete(NAME))

    assert not (await ended(store, Settle.VERIFIED)).unsure
    await store.work.requeue("one", [NAME], reason="it is there again")
    assert not (await claimed(store)).unsure
