"""One change per zone at a time, in order of arrival, so that a slow older push never lands after a quick newer one.

A large zone is parsed in another process for seconds; a small push of the same zone that arrives meanwhile must wait,
or the older content would be recorded last and win.
"""

from __future__ import annotations

import asyncio

from directdnsonly.zone.name import ZoneName


class Turns:
    """A FIFO queue for each zone that has a change in progress; asyncio.Lock serves waiters in order."""

    def __init__(self) -> None:
        self._locks: dict[ZoneName, tuple[asyncio.Lock, int]] = {}

    def of(self, name: ZoneName) -> Turn:
        """The zone's turn as an async context manager: `async with turns.of(name):`."""
        return Turn(self._locks, name)


class Turn:
    """One place in a zone's queue: entered when its turn comes."""

    __slots__ = ("_lock", "_locks", "_name")

    def __init__(self, locks: dict[ZoneName, tuple[asyncio.Lock, int]], name: ZoneName) -> None:
        self._locks = locks
        self._name = name

    async def __aenter__(self) -> None:
        self._lock, holders = self._locks.get(self._name) or (asyncio.Lock(), 0)
        self._locks[self._name] = self._lock, holders + 1
        try:
            await self._lock.acquire()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_failure: object) -> None:
        self._lock.release()
        self._leave()

    def _leave(self) -> None:
        lock, holders = self._locks.pop(self._name)
        if holders > 1:
            self._locks[self._name] = lock, holders - 1
