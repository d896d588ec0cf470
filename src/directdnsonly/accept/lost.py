"""Lost pushes: valid, but we could not record them; DirectAdmin was answered error=1 and does not repeat them.

Their names are kept in memory until the store takes them, so that an operator can have these zones pushed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from directdnsonly.outbox.kept import LostPush
from directdnsonly.outbox.store.recording import Recording
from directdnsonly.zone.name import ZoneName

MOST: Final = 10_000  # zones; the store keeps as many


class LostPushes:
    """The newest lost push of each zone. Use within one event loop."""

    def __init__(self, recording: Recording, *, most: int = MOST) -> None:
        self._recording = recording
        self._most = most
        self._lost: dict[ZoneName, LostPush] = {}
        self.nameless = 0  # beyond what is kept: the log has their names

    def waiting(self) -> Sequence[LostPush]:
        """Lost pushes that are not in the store yet, oldest first."""
        return list(self._lost.values())

    def note(self, lost: LostPush) -> None:
        """Remember a push that was answered error=1 because we could not record it."""
        self._lost.pop(lost.name, None)
        if len(self._lost) >= self._most:
            del self._lost[next(iter(self._lost))]
            self.nameless += 1
        self._lost[lost.name] = lost

    def made_good(self, name: ZoneName) -> None:
        """Forget a zone's lost push, because a newer change of the zone was recorded."""
        self._lost.pop(name, None)

    async def find(self, name: ZoneName) -> LostPush | None:
        """The zone's lost push, None if nothing is lost. Raises OutboxUnavailable."""
        return self._lost.get(name) or await self._recording.lost_push(name)

    async def newest(self, limit: int) -> list[LostPush]:
        """Lost pushes whose zones have not been recorded since, newest first. Raises OutboxUnavailable."""
        kept = [one for one in await self._recording.lost(limit=limit) if one.name not in self._lost]
        return [*reversed(self.waiting()), *kept][:limit]

    async def forget(self, name: ZoneName | None) -> int:
        """Forget the lost push of one zone, or all, because an operator has seen to it; returns how many. Raises OutboxUnavailable."""
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
        """Move lost pushes to the store; returns how many. Raises OutboxUnavailable, and then they stay in memory."""
        written = self.waiting()
        if written:
            await self._recording.record_lost(written)
        for one in written:
            if self._lost.get(one.name) is one:
                del self._lost[one.name]
            elif one.name not in self._lost:  # made good while it was being written, perhaps before it was
                await self._recording.forget_lost(one.name)
        return len(written)
