"""`Upkeep`: the store's part for start, housekeeping and condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from directdnsonly.outbox.kept import Condition
from directdnsonly.outbox.settings import OutboxSettings


class Upkeep(Protocol):
    """The store's part for the service itself: work at start, hourly housekeeping, and the store's condition."""

    async def adopt_backends(self, names: Sequence[str]) -> None:
        """Ensure a delivery of every zone for each of these backends, and release all leases."""
        ...

    async def change_backends(self, names: Sequence[str]) -> None:
        """At work: deliver to these from now on, and to no others; leases stay as they are. Raises OutboxUnavailable: then nothing is another way.

        One that is new gets a delivery of every zone, as a bulk; what is kept for one that is not in it any more stays.
        """
        ...

    async def follow(self, settings: OutboxSettings) -> None:
        """Keep and refuse by these settings from now on. Raises OutboxUnavailable: then nothing is another way."""
        ...

    async def compare(self, *, wanted: bool) -> None:
        """Keep what peers compare from now on, or no more. `prune` makes it so for all zones; every push pays for it then."""
        ...

    async def count_limited(self, credentials: Sequence[str]) -> None:
        """Count the zones of credentials that are limited for the first time, in one walk over all; to call before pushes come."""
        ...

    async def judge_clock(self) -> float:
        """By how many seconds the clock jumped ahead while we were down and is not yet trusted; 0 if it is.

        To call at start and every hour.
        """
        ...

    async def prune(self, *, peers: Sequence[str] = ()) -> int:
        """Delete one batch of old history, but no tombstone that one of these peers has not seen; how many rows (0: done)."""
        ...

    async def probe(self) -> None:
        """Check by a real write that pushes can be committed now. OutboxUnavailable has the reason if not."""
        ...

    def condition(self) -> Condition:
        """The room left, and what was written since the start. Checks the disk; never raises."""
        ...
