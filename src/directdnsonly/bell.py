"""A signal that anybody may raise after a change, and for which one actor waits."""

from __future__ import annotations

import asyncio


class Bell:
    """Merges any number of rings into one wake-up. Use within one event loop."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Signal that something may have changed."""
        self._rung.set()

    async def heard(self, limit_s: float) -> bool:
        """Wait until it rings, or return at once if it rang since the last call; False if it did not within `limit_s`."""
        try:
            async with asyncio.timeout(limit_s):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True
