"""One change of a zone at a time, in the order of arrival: a slow older push never overtakes a quick newer one.

A big zone is parsed beside the loop for seconds; a small push of the same zone that arrives meanwhile must wait for it,
else the older content would be recorded last and win.
"""

from __future__ import annotations

import asyncio

from directdnsonly.zone.name import ZoneName


class Turns:
    """A queue per zone that has somebody in it; asyncio.Lock serves in the order of asking."""

    def __init__(self) -> None:
        self._locks: dict[ZoneName, tuple[asyncio.Lock, int]] = {}

    def of(self, name: ZoneName) -> Turn:
        """Hold the zone's turn: `async with`."""
        return Turn(self._locks, name)


class Turn:
    """One wait in the queue of a zone, and then its turn."""

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
