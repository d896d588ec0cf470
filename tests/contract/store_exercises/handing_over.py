"""What a store leases to lanes that wait, in the commit that records a change (Takers)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from directdnsonly.outbox.changes import Kind, NewPin, Priority
from directdnsonly.outbox.deliveries import Claim, Settle, Settlement
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.store import Store
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.opening import NAME
from tests.support.made import a_delete, a_push


@dataclass
class Lanes:
    """Stands for the lanes: `free` are those that wait, `taken` is what they got."""

    free: dict[str, float] = field(default_factory=lambda: {"one": 60.0})
    taken: list[Claim] = field(default_factory=list)
    on_taken: Callable[[], None] = lambda: None

    def waiting(self) -> Mapping[str, float]:
        return self.free

    def take(self, claims: Sequence[Claim]) -> None:
        self.taken += claims
        self.on_taken()


@pytest.fixture
def lanes(store: Store) -> Lanes:
    it = Lanes()
    store.recording.serve(it)
    return it


async def states(store: Store, name: ZoneName = NAME) -> dict[str, State]:
    return {place.backend: place.state for place in await store.looking.placements(name)}


async def prove(store: Store, claims: Sequence[Claim]) -> None:
    await store.work.settle(
        [Settlement(claim=claim, how=Settle.VERIFIED, served_serial=claim.serial) for claim in claims]
    )


async def test_a_lane_that_waits_is_handed_what_it_would_have_claimed(store, lanes):
    """The same claim, in the commit of the push; the other backend's delivery is claimed as ever."""
    push = a_push(serial=7)

    receipt = await store.recording.record_push(push)

    (claim,) = lanes.taken
    assert {"one"} == receipt.begun
    assert {"one": State.LEASED, "two": State.PENDING} == await states(store)
    (other,) = await store.work.claim("two", limit=10, lease_s=60)
    alike = ("name", "fence", "attempts", "priority", "wanted_at", "change_id", "version", "kind", "serial", "records")
    for what in (*alike, "text", "known", "damaged"):
        assert getattr(other, what) == getattr(claim, what), what
    assert ("one", push.zone.text, 7) == (claim.backend, claim.text, claim.serial)
    assert [] == await store.work.claim("one", limit=10, lease_s=60)


async def test_what_was_handed_over_is_settled_by_its_fence(store, lanes):
    """Proven, then changed: the second claim knows that the backend has the zone."""
    await store.recording.record_push(a_push(serial=1))
    await prove(store, lanes.taken)
    assert State.VERIFIED is (await states(store))["one"]


async def test_the_next_version_is_known_to_the_backend(store, lanes, clock):
    """`known` decides whether BIND is told to add or to reload."""
    await store.recording.record_push(a_push(serial=1))
    await prove(store, lanes.taken)
    clock.advance(1)

    await store.recording.record_push(a_push(serial=2))

    assert [(False, 1), (True, 2)] == [(claim.known, claim.serial) for claim in lanes.taken]


async def test_a_delete_is_handed_over(store, lanes, clock):
    """Without a text."""
    await store.recording.record_push(a_push(serial=1))
    await prove(store, lanes.taken)
    clock.advance(1)

    receipt = await store.recording.record_delete(a_delete())

    assert ({"one"}, Kind.DELETE, None) == (receipt.begun, lanes.taken[1].kind, lanes.taken[1].text)


async def test_the_serial_is_the_one_that_is_published(store, lanes, clock):
    """A push with an older serial is published with a newer one (the text carries it)."""
    await store.recording.record_push(a_push(serial=2026010105))
    await prove(store, lanes.taken)
    clock.advance(1)

    await store.recording.record_push(a_push(serial=2026010100, content="other"))

    claim = lanes.taken[1]
    assert 2026010106 == claim.serial
    assert f" {claim.serial} " in claim.text


@pytest.mark.parametrize(
    "why",
    ["no lane waits", "a bulk", "nothing changed", "pinned", "a storm", "an attempt runs", "unknown zone deleted"],
)
async def test_what_is_not_handed_over(store, lanes, clock, why):
    """It waits in the store for a lane that claims it, or is no work at all."""
    if why in {"nothing changed", "pinned", "a storm"}:
        await store.recording.record_push(a_push(serial=1))
        await prove(store, [*lanes.taken, *await store.work.claim("two", limit=10, lease_s=60)])
        clock.advance(0.0 if why == "a storm" else 1.0)
    if why == "pinned":
        await store.recording.pin(NewPin(name=NAME, actor="bob"))
    if why == "an attempt runs":
        await store.recording.record_push(a_push(serial=1))
    lanes.taken.clear()
    if why == "no lane waits":
        lanes.free = {}

    if why == "unknown zone deleted":
        receipt = await store.recording.record_delete(a_delete("unknown.example"))
    else:
        serial = 1 if why == "nothing changed" else 2
        priority = Priority.BULK if why == "a bulk" else Priority.INTERACTIVE
        receipt = await store.recording.record_push(a_push(serial=serial, priority=priority))

    assert (frozenset(), []) == (receipt.begun, lanes.taken)
    expected = {
        "nothing changed": State.VERIFIED, "pinned": State.VERIFIED, "an attempt runs": State.LEASED,
        "unknown zone deleted": None,
    }.get(why, State.PENDING)  # fmt: skip
    assert expected is (await states(store)).get("one")


async def test_of_many_at_once_only_the_first_is_handed_over(store, lanes):
    """The others are claimed in batches, by every worker of a lane; each is delivered once. However many commits they take."""
    lanes.on_taken = lanes.free.clear  # as a lane, which does not wait any more
    receipts = await asyncio.gather(
        *(store.recording.record_push(a_push(f"z{number}.example")) for number in range(20))
    )

    handed = {claim.name for claim in lanes.taken}
    claimed = {claim.name for claim in await store.work.claim("one", limit=100, lease_s=60)}
    assert 1 == len(handed)
    assert handed == {receipt.name for receipt in receipts if receipt.begun}
    assert (20, set()) == (len(handed | claimed), handed & claimed)
