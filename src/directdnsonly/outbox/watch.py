"""Tells those who wait for a zone that something about its deliveries was written. No polling, no history."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class ZoneWatch:
    """Waiters by zone name; costs nothing for zones that nobody waits for."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    @contextmanager
    def watching(self, name: str) -> Iterator[asyncio.Event]:
        """An event that is set at each announcement of `name` while the block runs; the caller clears it."""
        event = asyncio.Event()
        self._waiting.setdefault(name, set()).add(event)
        try:
            yield event
        finally:
            waiters = self._waiting[name]
            waiters.discard(event)
            if not waiters:
                del self._waiting[name]

    def announce(self, names: Iterable[str]) -> None:
        """Wake those who wait for any of `names`."""
        if self._waiting:
            for name in names:
                for event in self._waiting.get(name, ()):
                    event.set()
