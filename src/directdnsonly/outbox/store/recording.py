"""For acceptance and the journal: what changes a zone, and what is noted beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from directdnsonly.outbox.changes import NewDeletion, NewPin, NewVersion, Origin, Receipt
from directdnsonly.outbox.deliveries import Claim
from directdnsonly.outbox.kept import (
    Event,
    LostPush,
    Pin,
    Refused,
)
from directdnsonly.zone.name import ZoneName


class Takers(Protocol):
    """Lanes that have nothing to do. What somebody waits for is leased to them in the commit that records it.

    Both are called on the event loop and return at once.
    """

    def waiting(self) -> Mapping[str, float]:
        """The backends whose lane would begin at once, and for how many seconds each wants its lease."""
        ...

    def take(self, claims: Sequence[Claim]) -> None:
        """These are leased and committed. A lane that has begun something else meanwhile gives them back."""
        ...


class Recording(Protocol):
    """For acceptance and the journal: what changes a zone, and what is noted beside it."""

    def serve(self, takers: Takers) -> None:
        """From now on, lease to them what is recorded while they and the store have nothing else to do."""
        ...

    async def record_push(self, push: NewVersion) -> Receipt:
        """Commit a new version of a zone, newest wins. The serial to publish is decided inside the transaction.

        Who may (docs/ownership.md) and the push's terms are judged, and its key is kept, there too: raises OwnershipRefused,
        VersionConflict, ZonePolicyError, KeyTaken. What has to wait for approval is kept so, and `withheld` tells it.
        """
        ...

    async def record_delete(self, deletion: NewDeletion) -> Receipt:
        """Commit a tombstone. Unknown zone: `changed` False. Another owner's zone: `ignored` says why, zone stays.

        Terms as those of a push. Raises OwnershipRefused, VersionConflict, KeyTaken. See also Receipt.gives_way.
        """
        ...

    async def pin(self, new: NewPin) -> Pin | None:
        """Hold what is wanted now: pushes and deletes are recorded, and wait. None: no such zone. Idempotent.

        Raises ZonePolicyError when `new.version` is not the wanted one.
        """
        ...

    async def unpin(self, name: ZoneName, origin: Origin) -> Receipt | None:
        """Release: the newest version that came meanwhile is wanted from now on. None: it was not pinned."""
        ...

    async def record_refused(self, refused: Refused) -> None:
        """Keep a refused push for the operator."""
        ...

    async def record_event(self, event: Event) -> None:
        """Keep one line of the audit."""
        ...

    async def record_lost(self, lost: Sequence[LostPush]) -> None:
        """Keep what could not be recorded when it came, the newest of each zone."""
        ...

    async def lost(self, *, limit: int = 100) -> list[LostPush]:
        """Those that nothing recorded since has made good, newest first."""
        ...

    async def lost_push(self, name: ZoneName) -> LostPush | None:
        """The newest push of this zone, when it was lost and nothing was recorded of the zone since."""
        ...

    async def forget_lost(self, name: ZoneName | None = None) -> int:
        """A person has looked at it: of one zone, or all; how many."""
        ...
