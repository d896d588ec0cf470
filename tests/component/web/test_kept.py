"""The look that many readers of the status page share."""

from __future__ import annotations

import asyncio

from directdnsonly.web.picture import Kept


async def test_many_who_ask_at_once_are_answered_by_one_look():
    """However many pages are open, the store is asked once."""
    looks = 0

    async def look() -> int:
        nonlocal looks
        await asyncio.sleep(0)
        looks += 1
        return looks

    kept = Kept(look, every_s=3600)

    assert [1] * 20 == await asyncio.gather(*(kept.get() for _ in range(20)))
    assert 1 == looks
    anew = Kept(look, every_s=0)
    assert [2, 3] == [await anew.get(), await anew.get()]
