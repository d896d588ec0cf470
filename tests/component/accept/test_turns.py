"""Turns of a zone: one after the other, in the order of arrival."""

from __future__ import annotations

import asyncio

from directdnsonly.accept.turns import Turns
from directdnsonly.zone.name import ZoneName


async def test_turns_are_taken_in_the_order_of_arrival() -> None:
    turns = Turns()
    zone, other = ZoneName("a.example"), ZoneName("b.example")
    order: list[str] = []

    async def take(name: ZoneName, label: str, rounds: int) -> None:
        async with turns.of(name):
            for _ in range(rounds):
                await asyncio.sleep(0)
            order.append(label)

    async with asyncio.TaskGroup() as group:
        group.create_task(take(zone, "slow", 50))
        group.create_task(take(zone, "quick", 0))
        group.create_task(take(other, "other", 3))

    assert ["other", "slow", "quick"] == order
    assert {} == turns._locks


async def test_a_turn_that_is_cancelled_is_passed_on() -> None:
    turns = Turns()
    zone = ZoneName("a.example")
    async with asyncio.TaskGroup() as group, turns.of(zone):
        waiting = group.create_task(_once(turns, zone))
        behind = group.create_task(_once(turns, zone))
        await asyncio.sleep(0)
        waiting.cancel()

    assert behind.done()
    assert {} == turns._locks


async def _once(turns: Turns, zone: ZoneName) -> None:
    async with turns.of(zone):
        pass
