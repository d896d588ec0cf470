"""For dispatch: what is to be delivered, and how it ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.deliveries import Claim, Settlement
from directdnsonly.zone.name import ZoneName


class Work(Protocol):
    """For dispatch: what is to be delivered, and how it ended."""

    async def claim(
        self, backend: str, *, limit: int, lease_s: float, lowest: Priority = Priority.BULK
    ) -> Sequence[Claim]:
        """Lease up to `limit` due deliveries, urgent first, none below `lowest`.

        The versions are read after the claim has committed: they are the newest.
        """
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Write the ends of attempts, each only if its fence still holds."""
        ...

    async def next_due_at(self, backend: str) -> float | None:
        """When the next delivery of this backend becomes due; None when nothing is outstanding."""
        ...

    def wanted(self, backend: str, *, after: str = "", page: int = 1000) -> AsyncIterator[list[Claim]]:
        """Every living zone as it should be on the backend, in pages by name, without leasing (fence 0)."""
        ...

    def proven(self, backend: str, *, page: int = 500) -> AsyncIterator[list[Claim]]:
        """As `wanted`, with the texts; those that cannot be read any more are left out."""
        ...

    async def proven_text(self, backend: str, name: ZoneName) -> str | None:
        """The text of the version that the backend has proven last; None when there is none, it is not kept or damaged."""
        ...

    async def requeue(self, backend: str, names: Sequence[ZoneName], *, reason: str) -> int:
        """Drift was found: verified (or dead) deliveries become due again; how many."""
        ...

    async def revive_given_up(self, backend: str, *, limit: int) -> int:
        """Deliveries that were given up get another round; how many."""
        ...
