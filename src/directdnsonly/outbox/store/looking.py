"""For everybody who shows something, and for acceptance before it decides: read only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from directdnsonly.outbox.changes import Receipt
from directdnsonly.outbox.deliveries import Attempt, Backlog, Placement, PlacementPage
from directdnsonly.outbox.facts import ZoneFacts
from directdnsonly.outbox.kept import (
    Event,
    Figures,
    PastVersion,
    Pin,
    Refused,
    ZoneSummary,
)
from directdnsonly.outbox.operators import Repeated, ZoneFilter
from directdnsonly.outbox.watch import ZoneWatch
from directdnsonly.zone.name import ZoneName


class Looking(Protocol):
    """For everybody who shows something, and for acceptance before it decides: read only."""

    @property
    def settled(self) -> ZoneWatch:
        """Tells who waits that something of a zone was settled."""
        ...

    async def zone(self, name: ZoneName) -> ZoneSummary | None:
        """One zone or its tombstone."""
        ...

    async def zones(self, *, after: str = "", limit: int = 100, search: str = "") -> list[ZoneSummary]:
        """Living zones in order of name, those after `after`."""
        ...

    async def listed(self, wanted: ZoneFilter, *, after: str = "", limit: int = 100) -> list[ZoneSummary]:
        """Living zones that fit, in order of name, those after `after`."""
        ...

    async def find_held(self, names: Sequence[ZoneName]) -> ZoneSummary | None:
        """The first of `names` that is a living zone (no tombstone), None when none is. Read only, one round trip."""
        ...

    async def count_zones(self) -> int:
        """Living zones."""
        ...

    async def published_text(self, name: ZoneName, version: int | None = None) -> str | None:
        """The normalised text of a version (None: the newest); None for a tombstone or what is not kept.

        Raises VersionDamaged when it cannot be read any more.
        """
        ...

    async def text(self, name: ZoneName, version: int | None = None) -> str | None:
        """As `published_text`; None also when it is damaged: a push is compared with what can be had, and heals it."""
        ...

    async def versions(self, name: ZoneName, *, before: int | None = None, limit: int = 100) -> list[PastVersion]:
        """The zone's history that is kept, newest first, below version `before`."""
        ...

    async def pin_of(self, name: ZoneName) -> Pin | None:
        """The zone's pin."""
        ...

    async def facts_of(self, name: ZoneName) -> ZoneFacts:
        """Everything that is known of one zone, as it was at one moment."""
        ...

    async def placements(self, name: ZoneName) -> list[Placement]:
        """The zone on each backend."""
        ...

    async def outstanding(self, *, backend: str = "", after: str = "", limit: int = 100) -> PlacementPage:
        """Deliveries that wait or run, by backend and then in the order in which they will be taken.

        `after` is the `next` of the page before; raises ValueError for anything else.
        """
        ...

    async def dead(self, *, backend: str = "", after: str = "", limit: int = 100) -> PlacementPage:
        """Deliveries that were given up, by backend and name; `after` as above."""
        ...

    async def attempts(self, name: ZoneName, *, before: int | None = None, limit: int = 100) -> list[Attempt]:
        """Attempts on the zone that did not end in proof, newest first, those with a lower id than `before`."""
        ...

    async def receipt(self, change_id: str) -> Receipt | None:
        """What an accepted push became."""
        ...

    async def repeated(self, credential: str, key: str) -> Repeated | None:
        """What an earlier request with this idempotency key became."""
        ...

    async def refused(
        self,
        *,
        limit: int = 100,
        name: str = "",
        server: str = "",
        rule: str = "",
        before: int | None = None,
        bodies: bool = True,
    ) -> list[Refused]:
        """Refused pushes, newest first, those with a lower id than `before`; of one zone, server or rule when given.

        `server`: a host name, or the credential of those that named none. Without `bodies` these are empty and cost nothing.
        """
        ...

    async def events(
        self,
        *,
        limit: int = 100,
        zone: str = "",
        event: str = "",
        actor: str = "",
        since: float | None = None,
        before: int | None = None,
    ) -> list[Event]:
        """The audit, newest first, those with a lower id than `before`; what is given must fit. `since`: epoch seconds."""
        ...

    async def figures(self) -> Figures:
        """Everything that is counted, at one moment; costs the same for any number of zones."""
        ...

    async def backlog(self) -> list[Backlog]:
        """Outstanding work per backend."""
        ...
