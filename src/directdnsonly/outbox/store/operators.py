"""For what a person does to deliveries, backends and tokens."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from directdnsonly.outbox.operators import ApiToken, Pause
from directdnsonly.zone.name import ZoneName


class Operators(Protocol):
    """For what a person does to deliveries, backends and tokens."""

    async def redeliver(self, name: ZoneName, backends: Sequence[str], *, reason: str) -> int:
        """A zone becomes due now on these backends, unless it is on its way; how many."""
        ...

    async def revive(self, *, name: ZoneName | None = None, backend: str = "") -> int:
        """Give dead deliveries all their attempts again, at once: of a zone, of a backend, or all; how many."""
        ...

    async def tokens(self) -> list[tuple[bytes, ApiToken]]:
        """Every token of the API with the digest that it is known by."""
        ...

    async def add_token(self, token: ApiToken, digest: bytes) -> None:
        """Keep a new token."""
        ...

    async def remove_token(self, token_id: str) -> bool:
        """Forget a token; whether there was one."""
        ...

    async def pauses(self) -> dict[str, Pause]:
        """The backends that an operator has stopped."""
        ...

    async def pause(self, backend: str, given: Pause) -> None:
        """Keep that a backend is stopped, also over a restart. One that is stopped already stays as it was."""
        ...

    async def resume(self, backend: str) -> bool:
        """A backend works again; whether it was stopped."""
        ...

    async def removed_backends(self, configured: Collection[str]) -> dict[str, int]:
        """Backends that are not configured any more, and how many deliveries are kept for each."""
        ...

    async def forget_backend(self, name: str) -> int:
        """Drop what is kept for a backend that is not configured, a step at a time; how many deliveries.

        Nothing when there is nothing. What is left after an error is dropped by the next call.
        """
        ...
