"""`Recording`: the store's part for changes of zones, refusals, losses and audit events."""

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
    """The idle lanes, to which urgent work is leased in the very commit that records it.

    Both methods are called on the event loop and return at once.
    """

    def waiting(self) -> Mapping[str, float]:
        """The backends whose lane would start at once, with the lease in seconds that each wants."""
        ...

    def take(self, claims: Sequence[Claim]) -> None:
        """Start on claims that were leased and committed with their change; a lane that is busy by now returns them."""
        ...


class Recording(Protocol):
    """The store's part for changes of zones, and for refused and lost pushes and audit events."""

    def serve(self, takers: Takers) -> None:
        """From now on, lease new changes to these lanes while they and the store are idle."""
        ...

    async def record_push(self, push: NewVersion) -> Receipt:
        """Commit a new version of a zone; the newest wins. The published serial is decided in the same transaction.

        So are ownership (docs/ownership.md), the push's terms and its idempotency key: raises OwnershipRefused,
        VersionConflict, ZonePolicyError, KeyTaken. A push that needs approval is held, as the receipt's `withheld` says.
        """
        ...

    async def record_delete(self, deletion: NewDeletion) -> Receipt:
        """Commit a tombstone. Unknown zone: `changed` is False. Another owner's zone: it stays, and `ignored` says why.

        Terms as for a push. Raises OwnershipRefused, VersionConflict, KeyTaken. See also Receipt.gives_way.
        """
        ...

    async def pin(self, new: NewPin) -> Pin | None:
        """Pin the wanted version: pushes and deletes are recorded, but wait. None if there is no such zone. Idempotent.

        Raises ZonePolicyError if `new.version` is not the wanted one.
        """
        ...

    async def unpin(self, name: ZoneName, origin: Origin) -> Receipt | None:
        """Release a pin, so that the newest version becomes the wanted one; None if the zone was not pinned."""
        ...

    async def record_refused(self, refused: Refused) -> None:
        """Keep a refused push for operators."""
        ...

    async def record_event(self, event: Event) -> None:
        """Keep an audit event."""
        ...

    async def record_lost(self, lost: Sequence[LostPush]) -> None:
        """Keep lost pushes: those that could not be recorded when they came, the newest of each zone."""
        ...

    async def lost(self, *, limit: int = 100) -> list[LostPush]:
        """Lost pushes whose zones have not been recorded since, newest first."""
        ...

    async def lost_push(self, name: ZoneName) -> LostPush | None:
        """The zone's lost push; None if nothing was lost, or the zone was recorded since."""
        ...

    async def forget_lost(self, name: ZoneName | None = None) -> int:
        """Forget the lost push of one zone, or all; returns how many."""
        ...
