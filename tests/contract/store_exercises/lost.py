"""What the store keeps of pushes that it could not record, and the figures that pages and metrics are made of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.changes import Kind, Loss, NewPin
from directdnsonly.outbox.kept import LostPush
from directdnsonly.zone.name import ZoneName
from tests.support.made import H1, a_delete, a_push

NAME = ZoneName.parse("a.example")


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
