"""For peers: what is compared with them, and taking what is newer there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from directdnsonly.outbox.changes import Receipt
from directdnsonly.outbox.peering import PeerDecision, PeerMemory, PeerVersion, Summary, ZoneState
from directdnsonly.zone.name import ZoneName


class Peering(Protocol):
    """For peers: what is compared with them, and taking what is newer there."""

    async def summary(self) -> Summary:
        """All zones at one moment; costs the same for any number of them."""
        ...

    async def marks(self, buckets: Sequence[int], *, limit: int) -> list[dict[ZoneName, int]]:
        """The mark of each zone in these buckets: of the first ones only, if they hold more than `limit` zones."""
        ...

    async def states(self, names: Sequence[ZoneName], *, texts: int = 0) -> list[ZoneState]:
        """What is stated of these zones, in their order, as far as anything is known of them, at one moment.

        `texts`: with their texts, and only of the first ones that have so many characters together, at least of one. The
        text is None for a tombstone, and where it is damaged.
        """
        ...

    async def take(self, version: PeerVersion) -> Receipt:
        """Commit a peer's version if it is newer than ours in that very transaction, or a person has chosen it.

        What was not taken is told by `overtaken` and `ignored`. Raises ZonePolicyError.
        """
        ...

    async def decide(self, decision: PeerDecision) -> Receipt:
        """Commit a peer's decision as `take` commits a version, and let it act here. Raises ZonePolicyError where it cannot."""
        ...

    async def living(self) -> int:
        """How many zones there are."""
        ...

    async def memory(self, peer: str) -> PeerMemory:
        """What the peer of this name has seen."""
        ...

    async def remember(self, peer: str, *, seen: int, newest: int) -> None:
        """It knows every delete of ours up to the version of this number, and had come to `newest` of its own."""
        ...
