"""Zones of a peer that are taken together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

AT_ONCE: Final = 8  # zones that are being taken: they share commits


async def some_at_once(works: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """All of them; the first error, if there is one, when all are done."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(work: Callable[[], Awaitable[None]]) -> None:
        async with places:
            await work()
            await asyncio.sleep(0)  # whoever pushes goes between

    for result in await asyncio.gather(*map(one, works), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
