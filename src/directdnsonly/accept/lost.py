"""Pushes that we could not record, though nothing was wrong with them: DirectAdmin was told error=1 and does not repeat them.

Their names are kept here, in memory, until the store has room for them: so that somebody can push these zones again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from directdnsonly.outbox.kept import LostPush
from directdnsonly.outbox.store.recording import Recording
from directdnsonly.zone.name import ZoneName

MOST: Final = 10_000  # zones; the store keeps as many


class LostPushes:
    """The newest of each zone. Use within one event loop."""

    def __init__(self, recording: Recording, *, most: int = MOST) -> None:
        self._recording = recording
        self._most = most
        self._lost: dict[ZoneName, LostPush] = {}
        self.nameless = 0  # beyond what is kept: the log has their names

    def waiting(self) -> Sequence[LostPush]:
        """Those that the store does not have yet, oldest first."""
        return list(self._lost.values())

    def note(self, lost: LostPush) -> None:
        """This one was answered error=1."""
        self._lost.pop(lost.name, None)
        if len(self._lost) >= self._most:
            del self._lost[next(iter(self._lost))]
            self.nameless += 1
        self._lost[lost.name] = lost

    def made_good(self, name: ZoneName) -> None:
        """Something newer of this zone was recorded."""
        self._lost.pop(name, None)

    async def find(self, name: ZoneName) -> LostPush | None:
        """The newest push of this zone, when it was lost. Raises OutboxUnavailable."""
        return self._lost.get(name) or await self._recording.lost_push(name)

    async def newest(self, limit: int) -> list[LostPush]:
        """Those that nothing recorded since has made good, newest first. Raises OutboxUnavailable."""
        kept = [one for one in await self._recording.lost(limit=limit) if one.name not in self._lost]
        return [*reversed(self.waiting()), *kept][:limit]

    async def forget(self, name: ZoneName | None) -> int:
        """A person has looked at it: of one zone, or all; how many. Raises OutboxUnavailable."""
        forgotten = {one.name for one in await self._recording.lost(limit=self._most)}.union(self._lost)
        if name is not None:
            forgotten &= {name}
        await self._recording.forget_lost(name)
        if name is None:
            self._lost.clear()
            self.nameless = 0
        else:
            self._lost.pop(name, None)
        return len(forgotten)

    async def write(self) -> int:
        """Give them to the store; how many. Raises OutboxUnavailable, and then they are kept here."""
        written = self.waiting()
        if written:
            await self._recording.record_lost(written)
        for one in written:
            if self._lost.get(one.name) is one:
                del self._lost[one.name]
            elif one.name not in self._lost:  # made good while it was being written, perhaps before it was
                await self._recording.forget_lost(one.name)
        return len(written)
