"""Operators: deliveries that were given up get all their attempts again."""

from __future__ import annotations

from directdnsonly.outbox.changes import Kind, Priority
from directdnsonly.outbox.deliveries import Settle, Settlement
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.store import Store
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.opening import BACKENDS, NAME, finish, only_claim
from tests.support.made import a_delete, a_push


async def dead_zones(store: Store, *names: str, backend: str = "one") -> None:
    """Push the zones, and let the backend give them up."""
    for name in names:
        await store.recording.record_push(a_push(name))
    claims = await store.work.claim(backend, limit=100, lease_s=60)
    await store.work.settle([Settlement(claim=claim, how=Settle.BURY, reason="bad") for claim in claims])


async def states(store: Store, name: str) -> dict[str, State]:
    return {found.backend: found.state for found in await store.looking.placements(ZoneName.parse(name))}


async def test_revive_gives_one_zone_one_backend_or_all_their_attempts_again(store):
    """Dead letters are left by an operator, as narrowly or as widely as wanted; the reason stays until it is proven."""
    for backend in BACKENDS:
        await dead_zones(store, "a.example", "b.example", backend=backend)

    assert 1 == await store.operators.revive(name=ZoneName.parse("a.example"), backend="one")
    assert {"one": State.PENDING, "two": State.DEAD} == await states(store, "a.example")
    revived = (await store.looking.placements(ZoneName.parse("a.example")))[0]
    assert (0, "bad", Priority.INTERACTIVE) == (revived.attempts, revived.reason, revived.priority)
    assert 1 == await store.operators.revive(name=ZoneName.parse("a.example"))
    assert 1 == await store.operators.revive(backend="two")
    assert 1 == await store.operators.revive()
    assert 0 == await store.operators.revive()
    assert {"one": State.PENDING, "two": State.PENDING} == await states(store, "b.example")
    assert [2, 2] == [await finish(store, backend) for backend in BACKENDS]


async def test_revive_touches_nothing_but_the_dead_of_active_backends(store):
    """A lease that runs, a zone that waits or is proven stay as they are; an unknown backend has nothing."""
    await dead_zones(store, "dead.example")
    await store.recording.record_push(a_push("leased.example"))
    await store.work.claim("one", limit=10, lease_s=60)
    await store.recording.record_push(a_push("waiting.example"))

    assert (0, 1) == (await store.operators.revive(backend="nobody"), await store.operators.revive())

    assert State.LEASED is (await states(store, "leased.example"))["one"]
    assert State.PENDING is (await states(store, "waiting.example"))["one"]


async def test_a_delete_that_was_given_up_is_revived_like_a_push(store, opener):
    """Faults A8: also for deletes."""
    await store.recording.record_push(a_push())
    await finish(store)
    await store.recording.record_delete(a_delete())
    opener.clock.advance(1)
    await store.work.settle([Settlement(claim=await only_claim(store), how=Settle.BURY, reason="no")])

    await store.operators.revive(name=NAME)

    assert (Kind.DELETE, None) == ((claim := await only_claim(store)).kind, claim.text)
