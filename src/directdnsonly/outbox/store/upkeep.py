"""For the service itself: the start, the hourly work, and how the store is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from directdnsonly.outbox.kept import (
    Condition,
)


class Upkeep(Protocol):
    """For the service itself: the start, the hourly work, and how the store is."""

    async def adopt_backends(self, names: Sequence[str]) -> None:
        """Make the outbox hold a delivery of every zone for each of these backends, and give back all leases."""
        ...

    async def count_limited(self, credentials: Sequence[str]) -> None:
        """Before pushes come: count the zones of credentials that have a limit for the first time, in one walk over all."""
        ...

    async def judge_clock(self) -> float:
        """Seconds that the clock leapt ahead while we were down, and is not believed for; 0 when it is believed.

        Asked at start and every hour.
        """
        ...

    async def prune(self) -> int:
        """Forget one step of old history; how many rows (0: done)."""
        ...

    async def probe(self) -> None:
        """Whether pushes can be committed now: something is really written. OutboxUnavailable has the reason."""
        ...

    def condition(self) -> Condition:
        """How much room there is, and what was written since the start. Asks the disk; never raises."""
        ...
