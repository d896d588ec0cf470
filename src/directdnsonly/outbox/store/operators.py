"""`Operators`: the store's part for acts of operators."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from directdnsonly.outbox.operators import ApiToken, Pause
from directdnsonly.zone.name import ZoneName


class Operators(Protocol):
    """The store's part for operators' acts on deliveries, backends and tokens."""

    async def redeliver(self, name: ZoneName, backends: Sequence[str], *, reason: str) -> int:
        """Make a zone due now on these backends unless a delivery is in progress; returns how many."""
        ...

    async def revive(self, *, name: ZoneName | None = None, backend: str = "") -> int:
        """Give dead deliveries all their attempts again, for a zone, a backend or all; returns how many."""
        ...

    async def tokens(self) -> list[tuple[bytes, ApiToken]]:
        """Every API token with the digest by which it is recognised."""
        ...

    async def add_token(self, token: ApiToken, digest: bytes) -> None:
        """Store a new token."""
        ...

    async def remove_token(self, token_id: str) -> bool:
        """Delete a token; returns whether it existed."""
        ...

    async def pauses(self) -> dict[str, Pause]:
        """The paused backends."""
        ...

    async def pause(self, backend: str, given: Pause) -> None:
        """Store a backend's pause, which survives restarts; an existing one stays as it is."""
        ...

    async def resume(self, backend: str) -> bool:
        """Remove a backend's pause; returns whether there was one."""
        ...

    async def removed_backends(self, configured: Collection[str]) -> dict[str, int]:
        """Backends that are no longer configured, and how many deliveries are kept for each."""
        ...

    async def forget_backend(self, name: str) -> int:
        """Drop what is kept for an unconfigured backend, in batches; returns how many deliveries, 0 if there are none.

        What is left after an error is dropped by the next call.
        """
        ...
