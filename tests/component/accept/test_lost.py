"""Pushes that could not be recorded: their names are kept until the store has them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from directdnsonly.accept.lost import LostPushes
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.changes import Kind, Owner
from directdnsonly.outbox.kept import LostPush
from directdnsonly.zone.name import ZoneName

A, B, C = (ZoneName.parse(f"{letter}.example") for letter in "abc")


class Disk:
    """A place that is full, or not. `meanwhile` is called while something is being written."""

    def __init__(self) -> None:
        self.full = True
        self.rows: dict[ZoneName, LostPush] = {}
        self.meanwhile = lambda: None

    async def record_lost(self, lost: Sequence[LostPush]) -> None:
        await asyncio.sleep(0)
        self.meanwhile()
        if self.full:
            raise OutboxUnavailable("the disk is full")
        self.rows |= {one.name: one for one in lost}

    async def lost(self, *, limit: int = 100) -> list[LostPush]:
        return sorted(self.rows.values(), key=lambda one: -one.at)[:limit]

    async def lost_push(self, name: ZoneName) -> LostPush | None:
        return self.rows.get(name)

    async def forget_lost(self, name: ZoneName | None = None) -> int:
        names = list(self.rows) if name is None else [name]
        return sum(self.rows.pop(one, None) is not None for one in names)


def lost(name: ZoneName, at: float) -> LostPush:
    return LostPush(name=name, kind=Kind.PUT, change_id=f"c{at}", reason="full", owner=Owner(), address="", at=at)


async def test_what_could_not_be_recorded_is_kept_until_the_store_has_it():
    """The newest of each zone; a failed write loses none of them."""
    disk = Disk()
    pushes = LostPushes(disk)
    for one in (lost(A, 1), lost(B, 2), lost(A, 3)):
        pushes.note(one)

    with pytest.raises(OutboxUnavailable):
        await pushes.write()
    assert [lost(B, 2), lost(A, 3)] == pushes.waiting()
    assert lost(A, 3) == await pushes.find(A)
    disk.full = False
    assert 2 == await pushes.write()

    assert [] == pushes.waiting()
    assert 0 == await pushes.write()
    assert lost(A, 3) == await pushes.find(A)
    assert [lost(A, 3), lost(B, 2)] == await pushes.newest(10)


async def test_what_is_lost_while_others_are_written_is_not_forgotten():
    """Written was the older one."""
    disk = Disk()
    disk.full = False
    pushes = LostPushes(disk)
    pushes.note(lost(A, 1))
    disk.meanwhile = lambda: pushes.note(lost(A, 2))

    await pushes.write()

    assert [lost(A, 2)] == pushes.waiting()
    assert [lost(A, 2)] == await pushes.newest(10)


async def test_a_zone_that_came_again_is_not_lost():
    """Recorded since: nothing to tell."""
    pushes = LostPushes(Disk())
    pushes.note(lost(A, 1))
    pushes.made_good(A)
    pushes.made_good(B)

    assert await pushes.find(A) is None
    assert [] == pushes.waiting()


async def test_the_memory_is_bounded_and_says_how_many_names_it_lacks():
    """The oldest names go first; that there were more is told all the same."""
    pushes = LostPushes(Disk(), most=2)
    for number, name in enumerate((A, B, C, C)):
        pushes.note(lost(name, number))

    assert ([B, C], 1) == ([one.name for one in pushes.waiting()], pushes.nameless)


async def test_an_operator_forgets_one_or_all():
    """Of the memory and of the store, each zone counted once."""
    disk = Disk()
    pushes = LostPushes(disk)
    disk.rows = {A: lost(A, 1), B: lost(B, 1)}
    pushes.note(lost(A, 2))
    pushes.note(lost(C, 3))

    assert 1 == await pushes.forget(A)
    assert await pushes.find(A) is None
    assert 2 == await pushes.forget(None)
    assert ([], 0) == (await pushes.newest(10), await pushes.forget(None))
