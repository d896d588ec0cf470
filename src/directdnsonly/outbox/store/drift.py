"""`DriftWatch`: the store's part for reconciliation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from directdnsonly.outbox.changes import NewDeletion, Receipt
from directdnsonly.outbox.drift import Baseline, Held, Pass, Sighting
from directdnsonly.zone.name import ZoneName


class DriftWatch(Protocol):
    """The store's part for reconciliation: zones held, absences seen, and passes."""

    def believed_s(self) -> float:
        """The trusted time by which absences and grace periods are counted, epoch seconds: not a clock that jumped while we were down."""
        ...

    async def held_page(self, *, after: str = "", limit: int = 1000) -> list[Held]:
        """Zones and tombstones in order of name, those after `after`."""
        ...

    async def held(self, names: Sequence[ZoneName]) -> list[Held]:
        """Those of the given zones that exist or have a tombstone, in any order."""
        ...

    async def not_ours(self, backend: str, names: Sequence[ZoneName]) -> tuple[list[ZoneName], list[ZoneName]]:
        """Of a backend's zones, those unknown to the store, and those that we have already deleted there."""
        ...

    async def sightings(self, *, after: str = "", limit: int | None = None) -> list[Sighting]:
        """Sightings of zones absent from their server's complete list, after `after`, in order of name; `limit` None: all."""
        ...

    async def save_sightings(self, seen: Sequence[Sighting], over: Sequence[ZoneName]) -> None:
        """Write sightings and delete finished ones; an operator's decision made meanwhile (kept, approved) stays."""
        ...

    async def record_orphan_delete(self, sighting: Sighting, deletion: NewDeletion) -> Receipt | None:
        """Commit a tombstone if the zone is still the one that was absent; None if it was pushed or kept since."""
        ...

    async def record_extra_delete(self, backend: str, names: Sequence[ZoneName], *, change_id: str) -> int:
        """Remove zones that we do not own from one backend; returns how many."""
        ...

    async def approve(self, plan: str) -> int:
        """Approve the deletions of a plan that exceeded the cap; returns how many zones."""
        ...

    async def keep(self, name: ZoneName) -> bool:
        """Keep a zone that its server no longer lists; False if we do not hold it."""
        ...

    async def baselines(self) -> list[Baseline]:
        """The last complete list of each server."""
        ...

    async def save_baseline(self, baseline: Baseline) -> None:
        """Store a server's complete list, or that an operator accepts its next one."""
        ...

    async def save_pass(self, one: Pass, *, keep: int) -> int:
        """Store a pass, keeping `keep` before it; returns its number."""
        ...

    async def passes(self, *, limit: int = 20) -> list[Pass]:
        """The last passes, newest first."""
        ...
