"""`Work`: the store's part for dispatch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.deliveries import Claim, Settlement
from directdnsonly.zone.name import ZoneName


class Work(Protocol):
    """The store's part for dispatch: claim due deliveries, and settle them."""

    async def claim(
        self, backend: str, *, limit: int, lease_s: float, lowest: Priority = Priority.BULK
    ) -> Sequence[Claim]:
        """Lease up to `limit` due deliveries, most urgent first, none of lower priority than `lowest`.

        The versions are read after the claim has committed, so they are the newest.
        """
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Write the outcomes of attempts, each only if its fence still holds."""
        ...

    async def next_due_at(self, backend: str) -> float | None:
        """When the backend's next delivery becomes due; None if nothing is outstanding."""
        ...

    def wanted(self, backend: str, *, after: str = "", page: int = 1000) -> AsyncIterator[list[Claim]]:
        """Every living zone as it should be on the backend, in pages by name, without leasing (fence 0)."""
        ...

    def proven(self, backend: str, *, page: int = 500) -> AsyncIterator[list[Claim]]:
        """As `wanted`, with the texts, without damaged ones."""
        ...

    async def proven_text(self, backend: str, name: ZoneName) -> str | None:
        """The text of the version that the backend has last proven; None if there is none, or it is not kept or damaged."""
        ...

    async def still_wanted(self, backend: str, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Those of the claims of `wanted` whose version is still the one to be served; the others were pushed or deleted since."""
        ...

    async def requeue(
        self, backend: str, names: Sequence[ZoneName], *, reason: str, versions: Sequence[int] | None = None
    ) -> int:
        """Drift was found: verified (or dead) deliveries become due again; how many.

        `versions`: one for each name; another one is wanted by now: then nothing is known of that zone, and it is left alone.
        """
        ...

    async def revive_given_up(self, backend: str, *, limit: int) -> int:
        """Give dead deliveries another round of attempts; returns how many."""
        ...
