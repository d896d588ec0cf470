"""A bell that anybody rings who has changed something, and that one actor listens to."""

from __future__ import annotations

import asyncio


class Bell:
    """However often it rang, whoever listens looks once. Use within one event loop."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Something may be another way now."""
        self._rung.set()

    async def heard(self, limit_s: float) -> bool:
        """Wait until it rings, or rang since it was heard last; False: it did not within `limit_s`."""
        try:
            async with asyncio.timeout(limit_s):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True
