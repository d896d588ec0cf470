"""For reconcile: what is held, what was absent, and the passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from directdnsonly.outbox.changes import NewDeletion, Receipt
from directdnsonly.outbox.drift import Baseline, Held, Pass, Sighting
from directdnsonly.zone.name import ZoneName


class DriftWatch(Protocol):
    """For reconcile: what is held, what was absent, and the passes."""

    def believed_s(self) -> float:
        """The time by which absences and graces are counted, epoch seconds: not a clock that leapt while we were down."""
        ...

    async def held_page(self, *, after: str = "", limit: int = 1000) -> list[Held]:
        """Zones and tombstones in order of name, those after `after`."""
        ...

    async def held(self, names: Sequence[ZoneName]) -> list[Held]:
        """These zones and tombstones, as far as there are any, in any order."""
        ...

    async def not_ours(self, backend: str, names: Sequence[ZoneName]) -> tuple[list[ZoneName], list[ZoneName]]:
        """Of zones that a backend holds: those that we know nothing of, and those that we have deleted there already."""
        ...

    async def sightings(self, *, after: str = "", limit: int | None = None) -> list[Sighting]:
        """Zones that their server's whole list lacked, by name, those after `after`; `limit` None: all."""
        ...

    async def save_sightings(self, seen: Sequence[Sighting], over: Sequence[ZoneName]) -> None:
        """Write how zones were seen, forget those that are over. An operator's word meanwhile (kept, approved) stays."""
        ...

    async def record_orphan_delete(self, sighting: Sighting, deletion: NewDeletion) -> Receipt | None:
        """Commit a tombstone if the zone is still the one that was absent; None when it was pushed or kept since."""
        ...

    async def record_extra_delete(self, backend: str, names: Sequence[ZoneName], *, change_id: str) -> int:
        """Have zones that we do not own removed from one backend; how many."""
        ...

    async def approve(self, plan: str) -> int:
        """Approve the deletions of a plan that was over the cap; how many zones."""
        ...

    async def keep(self, name: ZoneName) -> bool:
        """Keep a zone though its server lists it no more; False when we do not hold it."""
        ...

    async def baselines(self) -> list[Baseline]:
        """The last whole list of each server."""
        ...

    async def save_baseline(self, baseline: Baseline) -> None:
        """A whole list came, or an operator vouches for the next one."""
        ...

    async def save_pass(self, one: Pass, *, keep: int) -> int:
        """Keep a pass and `keep` before it; its number."""
        ...

    async def passes(self, *, limit: int = 20) -> list[Pass]:
        """The last passes, newest first."""
        ...
