"""One change of a zone at a time, in the order of arrival: a slow older push never overtakes a quick newer one.

A big zone is parsed beside the loop for seconds; a small push of the same zone that arrives meanwhile must wait for it,
else the older content would be recorded last and win (wire rows 27 and 69).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from directdnsonly.zone.name import ZoneName


class Turns:
    """A queue per zone that has somebody in it; asyncio.Lock serves in the order of asking."""

    def __init__(self) -> None:
        self._locks: dict[ZoneName, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, name: ZoneName) -> AsyncIterator[None]:
        """Hold the zone's turn."""
        lock, holders = self._locks.get(name) or (asyncio.Lock(), 0)
        self._locks[name] = lock, holders + 1
        try:
            async with lock:
                yield
        finally:
            lock, holders = self._locks.pop(name)
            if holders > 1:
                self._locks[name] = lock, holders - 1
