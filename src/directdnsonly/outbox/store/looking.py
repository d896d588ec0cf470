"""`Looking`: the store's read-only part."""

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
    """The store's read-only part, for showing data and for acceptance before it decides."""

    @property
    def settled(self) -> ZoneWatch:
        """Wakes those who wait for a zone's deliveries to be settled."""
        ...

    async def zone(self, name: ZoneName) -> ZoneSummary | None:
        """The zone or its tombstone; None if it is unknown."""
        ...

    async def zones(self, *, after: str = "", limit: int = 100, search: str = "") -> list[ZoneSummary]:
        """Existing zones in order of name, after `after`."""
        ...

    async def listed(self, wanted: ZoneFilter, *, after: str = "", limit: int = 100) -> list[ZoneSummary]:
        """Existing zones that match the filter, in order of name, after `after`."""
        ...

    async def find_held(self, names: Sequence[ZoneName]) -> ZoneSummary | None:
        """The first of `names` that is an existing zone (no tombstone); None if none is. One round trip."""
        ...

    async def count_zones(self) -> int:
        """The number of existing zones."""
        ...

    async def published_text(self, name: ZoneName, version: int | None = None) -> str | None:
        """The normalised text of a version (None: the newest); None for a tombstone or a version that is not kept.

        Raises VersionDamaged if the stored text is damaged.
        """
        ...

    async def text(self, name: ZoneName, version: int | None = None) -> str | None:
        """As `published_text`, but None also if the text is damaged: a push is compared with what is readable, and heals it."""
        ...

    async def versions(self, name: ZoneName, *, before: int | None = None, limit: int = 100) -> list[PastVersion]:
        """The zone's kept history below version `before`, newest first."""
        ...

    async def pin_of(self, name: ZoneName) -> Pin | None:
        """The zone's pin; None if it is not pinned."""
        ...

    async def facts_of(self, name: ZoneName) -> ZoneFacts:
        """Everything that is known of one zone, at one moment."""
        ...

    async def placements(self, name: ZoneName) -> list[Placement]:
        """The zone's state on each backend."""
        ...

    async def outstanding(self, *, backend: str = "", after: str = "", limit: int = 100) -> PlacementPage:
        """Outstanding deliveries by backend, in the order in which they will be claimed.

        `after` is the `next` of the page before; raises ValueError for anything else.
        """
        ...

    async def dead(self, *, backend: str = "", after: str = "", limit: int = 100) -> PlacementPage:
        """Dead deliveries by backend and name; `after` as above."""
        ...

    async def attempts(self, name: ZoneName, *, before: int | None = None, limit: int = 100) -> list[Attempt]:
        """Attempts on the zone that did not end in proof, with an id below `before`, newest first."""
        ...

    async def receipt(self, change_id: str) -> Receipt | None:
        """The receipt of an accepted push; None if it is unknown."""
        ...

    async def repeated(self, credential: str, key: str) -> Repeated | None:
        """The outcome of an earlier request with this idempotency key; None if there was none."""
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
        """Refused pushes with an id below `before`, newest first; only of the given zone, server or rule.

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
        """Audit events with an id below `before`, newest first, that match the given values. `since`: epoch seconds."""
        ...

    async def figures(self) -> Figures:
        """The store's counts at one moment; costs the same for any number of zones."""
        ...

    async def backlog(self) -> list[Backlog]:
        """Outstanding work by backend."""
        ...
