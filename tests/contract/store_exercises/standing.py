"""Which refused and lost pushes still stand: by the order of the store's commits, whatever the clock says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.changes import Kind, Loss, NewPin
from directdnsonly.outbox.kept import LostPush, Refused
from directdnsonly.outbox.store import Store
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.opening import Opener
from tests.support.made import H1, a_delete, a_push

NAME = ZoneName.parse("a.example")
YEAR = 365 * 86_400.0


@pytest.fixture
async def store(opener: Opener) -> Store:
    return await opener.open(backends=["one"])


def a_refusal(clock: ManualClock, reason: str = "no address", name: str = "A.Example.") -> Refused:
    """As it was sent, which need not be as we write names."""
    return Refused(
        change_id="r", name=name, rule="syntax", reason=reason, owner=H1, address="192.0.2.1", at=clock.now_s()
    )


def a_loss(clock: ManualClock) -> LostPush:
    return LostPush(
        name=NAME, kind=Kind.PUT, change_id="lost", reason="the disk is full", owner=H1, address="", at=clock.now_s()
    )


async def standing(store: Store) -> list[str]:
    return [one.reason for one in (await store.looking.facts_of(NAME)).standing]


@pytest.mark.parametrize("leap", [-YEAR, 0.0, YEAR])
async def test_a_refusal_stands_after_what_was_accepted_by_any_clock(store, clock, leap):
    """The clock was ahead when the zone was accepted, or behind: what came after it is what counts."""
    await store.recording.record_push(a_push("a.example"))
    clock.advance(leap)
    await store.recording.record_refused(a_refusal(clock, "first"))
    await store.recording.record_refused(a_refusal(clock, "second"))

    assert ["second", "first"] == await standing(store)


@pytest.mark.parametrize("leap", [-YEAR, 0.0, YEAR])
@pytest.mark.parametrize("how", ["pushed", "the same again", "deleted", "pinned", "deleted behind a pin", "held"])
async def test_whatever_is_accepted_later_ends_it_by_any_clock(store, clock, leap, how):
    """Also a push that is held or waits behind a pin: the verdict tells of that one then."""
    await store.recording.record_push(a_push("a.example"))
    if "pin" in how:
        await store.recording.pin(NewPin(name=NAME, actor="anna"))
    await store.recording.record_refused(a_refusal(clock))
    await store.recording.record_lost([a_loss(clock)])
    clock.advance(leap)

    match how:
        case "pushed" | "pinned":
            await store.recording.record_push(a_push("a.example", 2))
        case "the same again":
            await store.recording.record_push(a_push("a.example"))
        case "held":
            lossy = replace(a_push("a.example", 2), loss=Loss(version=1, reason="loses much"), body=b"x")
            assert (await store.recording.record_push(lossy)).withheld is not None
        case _:
            await store.recording.record_delete(a_delete("a.example"))

    assert ([], None) == (await standing(store), await store.recording.lost_push(NAME))
    clock.advance(-3 * leap)
    await store.recording.record_refused(a_refusal(clock, "later"))
    assert ["later"] == await standing(store)


@pytest.mark.parametrize("leap", [-YEAR, YEAR])
async def test_a_lost_push_stands_by_any_clock(store, clock, leap):
    """What was accepted before it does not make it good, however far ahead that clock was."""
    await store.recording.record_push(a_push("a.example"))
    clock.advance(leap)
    await store.recording.record_lost([a_loss(clock)])

    assert "lost" == (await store.recording.lost_push(NAME)).change_id
    assert 1 == (await store.looking.figures()).lost


async def test_what_changes_nothing_ends_nothing(store, clock):
    """A pull that came too late, a release of the pin, a delete of what is not there, a push of another zone."""
    await store.recording.record_push(a_push("a.example"))
    await store.recording.pin(NewPin(name=NAME, actor="anna"))
    await store.recording.record_push(a_push("a.example", 2))
    await store.recording.record_refused(a_refusal(clock))
    await store.recording.record_refused(a_refusal(clock, name="b.example"))

    await store.recording.unpin(NAME, a_push().origin)
    assert (await store.recording.record_push(replace(a_push("a.example", 3), only_if_version=1))).overtaken
    await store.recording.record_push(a_push("c.example"))
    await store.recording.record_delete(a_delete("b.example"))

    assert ["no address"] == await standing(store)
    assert (await store.looking.facts_of(ZoneName.parse("b.example"))).standing
