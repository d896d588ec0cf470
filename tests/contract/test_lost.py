"""What the store keeps of pushes that it could not record, and the figures that pages and metrics are made of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.changes import Kind, Loss, NewPin
from directdnsonly.outbox.deliveries import Settle, Settlement
from directdnsonly.outbox.kept import LostPush
from directdnsonly.outbox.operators import Pause
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import losses
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.zone.name import ZoneName
from tests.support.made import H1, a_delete, a_push

BACKENDS = ["one", "two"]
NAME = ZoneName.parse("a.example")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    settings = OutboxSettings(disk_reserve_mb=0)
    async with open_store(tmp_path, settings=settings, clock=clock, backends=BACKENDS) as opened:
        await opened.upkeep.adopt_backends(BACKENDS)
        yield opened


def lost(clock: ManualClock, name: str = "a.example", kind: Kind = Kind.PUT, change_id: str = "lost") -> LostPush:
    """A moment ago."""
    clock.advance(1)
    found = LostPush(
        name=ZoneName.parse(name), kind=kind, change_id=change_id, reason="the disk is full", owner=H1,
        address="192.0.2.1", at=clock.now_s(),
    )  # fmt: skip
    clock.advance(1)
    return found


async def test_a_lost_push_stands_until_something_newer_is_recorded(store, clock):
    """Of a zone that we hold and of one that we never held; the newest of each zone, newest first."""
    await store.recording.record_push(a_push("a.example"))
    older, newer, new = lost(clock), lost(clock), lost(clock, "new.example")
    await store.recording.record_lost([newer, new])
    await store.recording.record_lost([older])

    assert [new, newer] == await store.recording.lost()
    assert newer == await store.recording.lost_push(NAME)
    figures = await store.looking.figures()
    assert (2, new) == (figures.lost, figures.lost_newest)


@pytest.mark.parametrize("how", ["pushed", "the same again", "deleted", "pinned", "held", "committed after all"])
async def test_what_is_recorded_of_a_zone_later_makes_its_loss_good(store, clock, how):
    """Whatever became of it; also when the push itself was committed after its caller had been told no."""
    push = a_push("a.example", 1)
    await store.recording.record_push(push)
    if how == "pinned":
        await store.recording.pin(NewPin(name=NAME, actor="anna"))
    late = a_push("a.example", 2, content="late")
    await store.recording.record_lost([lost(clock, change_id=late.origin.change_id)])
    assert await store.recording.lost_push(NAME) is not None

    match how:
        case "pushed" | "pinned":
            await store.recording.record_push(a_push("a.example", 3, content="newer"))
        case "the same again":
            await store.recording.record_push(replace(push, origin=replace(push.origin, change_id="again")))
        case "deleted":
            await store.recording.record_delete(a_delete("a.example"))
        case "held":
            lossy = replace(a_push("a.example", 3, content="x"), loss=Loss(version=1, reason="loses much"), body=b"x")
            assert (await store.recording.record_push(lossy)).withheld is not None
        case _:
            clock.advance(-60)  # it began before
            await store.recording.record_push(late)

    assert (None, [], 0) == (
        await store.recording.lost_push(NAME),
        await store.recording.lost(),
        (await store.looking.figures()).lost,
    )


async def test_a_lost_delete_of_what_is_not_held_is_nothing(store, clock):
    """There is nothing to delete; of a living zone it stands."""
    await store.recording.record_lost([lost(clock, "nothing.example", Kind.DELETE)])
    assert [] == await store.recording.lost()

    await store.recording.record_push(a_push("a.example"))
    await store.recording.record_lost([lost(clock, kind=Kind.DELETE)])
    assert [Kind.DELETE] == [one.kind for one in await store.recording.lost()]


async def test_lost_pushes_are_bounded_forgotten_by_age_and_by_an_operator(store, clock):
    """The newest stay; those of one zone, or all; history_days at most."""
    first = [lost(clock, f"z{number}.example") for number in range(4)]
    await store.engine.commits.submit(lambda connection: losses.record(connection, first, keep=3))
    assert ["z3.example", "z2.example", "z1.example"] == [one.name for one in await store.recording.lost()]

    assert 1 == await store.recording.forget_lost(ZoneName.parse("z2.example"))
    assert 0 == await store.recording.forget_lost(ZoneName.parse("z2.example"))
    assert 2 == (await store.looking.figures()).lost
    clock.advance(91 * 86_400)
    while await store.upkeep.prune():
        pass
    assert [] == await store.recording.lost()
    await store.recording.record_lost([lost(clock), lost(clock, "b.example")])
    assert 2 == await store.recording.forget_lost()


async def test_zones_are_proven_as_the_store_has_it_also_after_a_restart(tmp_path, clock):
    """Neither a delivery since the start nor a walk through all zones is needed; deletes and the dead do not count."""
    settings = OutboxSettings(disk_reserve_mb=0)
    for start in range(2):
        async with open_store(tmp_path, settings=settings, clock=clock, backends=BACKENDS) as store:
            await store.upkeep.adopt_backends(BACKENDS)
            if not start:
                for number in range(23):
                    await store.recording.record_push(a_push(f"z{number}.example"))
                await store.recording.record_delete(a_delete("z0.example"))
                claims = await store.work.claim("one", limit=100, lease_s=60)
                how = {"z1.example": Settle.BURY, "z2.example": Settle.RETRY}
                await store.work.settle(
                    [Settlement(claim=one, how=how.get(one.name, Settle.VERIFIED)) for one in claims]
                )
                await store.operators.pause("two", Pause(actor="anna", reason="moving", at=1.0))
            figures = await store.looking.figures()

            assert (22, [("one", 20), ("two", 0)]) == (
                figures.zones, [(one.backend, one.proven) for one in figures.backlog],
            )  # fmt: skip
            assert {"two": Pause(actor="anna", reason="moving", at=1.0)} == figures.pauses
