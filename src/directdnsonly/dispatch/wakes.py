"""When the workers of a lane sleep, and what wakes them: an event for each worker, by the class of work that it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from directdnsonly.outbox.changes import Priority


class Wakes:
    """One express worker takes what people wait for; bulk workers take everything. Use within one event loop."""

    def __init__(self, bulk_workers: int) -> None:
        self.express = asyncio.Event()
        self.bulk = [asyncio.Event() for _ in range(bulk_workers)]
        self.express_naps = False

    def wake(self, priority: Priority) -> None:
        """Work of this class is there. One worker is woken; it wakes the others when it finds more than it can take."""
        (self.bulk[0] if priority is Priority.BULK else self.express).set()

    def wake_all(self) -> None:
        """Every worker shall look."""
        for event in (self.express, *self.bulk):
            event.set()

    async def nap(self, wake: asyncio.Event, seconds: float) -> None:
        """Sleep until woken, or for so long."""
        is_express = wake is self.express
        try:
            self.express_naps |= is_express
            async with asyncio.timeout(seconds):
                await wake.wait()
        except TimeoutError:
            pass
        finally:
            self.express_naps &= not is_express


class Rest:
    """Whether a worker is in the middle of something, from its claim to the end of what it claimed."""

    def __init__(self) -> None:
        self._at_work = 0
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def disturbed(self) -> Iterator[None]:
        """One worker is at work while the block runs."""
        self._at_work += 1
        self._none.clear()
        try:
            yield
        finally:
            self._at_work -= 1
            if not self._at_work:
                self._none.set()

    async def comes(self) -> None:
        """Wait until nobody is at work."""
        await self._none.wait()
