"""`Approval`: the store's part for held pushes and announced moves."""

from __future__ import annotations

from typing import Protocol

from directdnsonly.outbox.drift import HeldPush, Migration
from directdnsonly.zone.name import ZoneName


class Approval(Protocol):
    """The store's part for held pushes and announced moves."""

    async def explain_held(self, name: ZoneName, digest: str, difference: str) -> None:
        """Keep the description of what a held push would change, for the operator who decides."""
        ...

    async def drop_held(self, name: ZoneName) -> None:
        """Drop the zone's held push."""
        ...

    async def held_pushes(self, *, limit: int = 100, bodies: bool = True, after: str = "") -> list[HeldPush]:
        """Held pushes that are not void, oldest first; without `bodies` the bodies are empty and cost nothing.

        `after`: the cursor `at/zone` of the last one before. Raises ValueError for anything else.
        """
        ...

    async def held_push(self, name: ZoneName) -> HeldPush | None:
        """The zone's held push; None if there is none."""
        ...

    async def open_migration(self, move: Migration) -> int:
        """Open a move from now on; returns its number."""
        ...

    async def close_migration(self, number: int) -> bool:
        """Close a move; returns whether it was open."""
        ...

    async def migrations(self, *, after: int = 0, limit: int = 1000) -> list[Migration]:
        """The open moves with a number above `after`."""
        ...
