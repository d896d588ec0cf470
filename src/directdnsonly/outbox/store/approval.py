"""For pushes that wait until a person has looked at them, and planned moves."""

from __future__ import annotations

from typing import Protocol

from directdnsonly.outbox.drift import HeldPush, Migration
from directdnsonly.zone.name import ZoneName


class Approval(Protocol):
    """For pushes that wait until a person has looked at them, and planned moves."""

    async def explain_held(self, name: ZoneName, digest: str, difference: str) -> None:
        """Keep what the push that waits would change, for who decides about it."""
        ...

    async def drop_held(self, name: ZoneName) -> None:
        """What waits for this zone is over."""
        ...

    async def held_pushes(self, *, limit: int = 100, bodies: bool = True, after: str = "") -> list[HeldPush]:
        """Those that wait and are not void, oldest first; without `bodies` the bodies are empty and cost nothing.

        `after`: moment and name of the last one before, `at/zone`. Raises ValueError for anything else.
        """
        ...

    async def held_push(self, name: ZoneName) -> HeldPush | None:
        """The one that waits for this zone."""
        ...

    async def open_migration(self, move: Migration) -> int:
        """A planned move from now on; its number."""
        ...

    async def close_migration(self, number: int) -> bool:
        """End a planned move; whether there was one."""
        ...

    async def migrations(self, *, after: int = 0, limit: int = 1000) -> list[Migration]:
        """Planned moves that are open, those with a higher number than `after`."""
        ...
