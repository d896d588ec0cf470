"""Records pulled zones by the same acceptance as DirectAdmin's pushes."""

from __future__ import annotations

from collections.abc import Callable

from directdnsonly.accept.acceptance import Acceptance
from directdnsonly.outbox.changes import Owner, Priority, Receipt, Source
from directdnsonly.outbox.drift import HeldPush
from directdnsonly.zone.name import ZoneName


class PulledZones:
    """Records pulled zones. Use within one event loop. Every method raises PushRefused and OutboxUnavailable, as `Acceptance` does."""

    def __init__(self, acceptance: Acceptance, wake: Callable[[Priority], None]) -> None:
        """`wake` is called when deletions were recorded, to wake the lanes."""
        self._acceptance = acceptance
        self.wake = wake

    async def pull(self, name: ZoneName, body: bytes, *, owner: Owner, server: str, only_if_version: int) -> Receipt:
        """Record the zone text from a server, unless another version came meanwhile."""
        accepted = await self._acceptance.push(
            name, body, owner=owner, address=server, source=Source.PULL, only_if_version=only_if_version
        )
        return accepted.receipt

    async def release(self, held: HeldPush, *, only_if_version: int) -> Receipt:
        """Let a held push be served because its reason is gone, unless another version came meanwhile."""
        accepted = await self._acceptance.push(
            held.name,
            held.body,
            owner=held.owner,
            address=held.address,
            only_if_version=only_if_version,
            approves=held.digest,
        )
        return accepted.receipt

    async def push_again(self, held: HeldPush) -> Receipt:
        """Judge a held push again as if its server had pushed it now."""
        accepted = await self._acceptance.push(held.name, held.body, owner=held.owner, address=held.address)
        return accepted.receipt
