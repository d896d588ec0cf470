"""Approve or reject held pushes, announce moves. An approval is bound by digest to the content that was reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from directdnsonly.accept.acceptance import Acceptance
from directdnsonly.clock import Clock
from directdnsonly.errors import DoesNotFit, NotHere
from directdnsonly.operate.journal import Journal, Operator
from directdnsonly.outbox.changes import Receipt
from directdnsonly.outbox.drift import HeldPush, HoldRule, Migration
from directdnsonly.outbox.store.approval import Approval
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName

LEAST_DIGEST = 12  # hex digits that bind an approval


class Approvals:
    """Held pushes and announced moves. Use within one event loop."""

    def __init__(self, *, approval: Approval, acceptance: Acceptance, clock: Clock, journal: Journal) -> None:
        self._approval = approval
        self._acceptance = acceptance
        self._clock = clock
        self._journal = journal

    async def waiting(self, limit: int, *, after: str = "") -> list[HeldPush]:
        """Held pushes, oldest first, starting after the cursor `after` (moment/zone). Raises ValueError for an invalid cursor."""
        return await self._approval.held_pushes(limit=limit, after=after)

    async def find(self, name: ZoneName, digest: str) -> HeldPush:
        """The zone's held push, if its content has this digest. Raises NotHere if it has not, OutboxUnavailable."""
        held = await self._approval.held_push(name)
        if held is None or len(digest) < LEAST_DIGEST or not held.digest.startswith(digest.lower()):
            raise NotHere(f"no push of {str(name)!a} with that content waits: look again")
        return held

    async def approve(self, held: HeldPush, who: Operator) -> Receipt:
        """Approve a held push, so that it is served. Raises DoesNotFit if the zone changed meanwhile, PushRefused, OutboxUnavailable."""
        accepted = await self._acceptance.push(
            held.name,
            held.body,
            owner=held.owner,
            address=held.address,
            only_if_version=held.version if held.rule is HoldRule.LOSS else None,
            approves=held.digest,
        )
        receipt = accepted.receipt
        if receipt.overtaken:
            raise DoesNotFit(f"{receipt.name}: {receipt.ignored}")
        await self._journal.did(who, "push.approved", zone=held.name, detail=_what(held))
        return receipt

    async def reject(self, held: HeldPush, who: Operator) -> None:
        """Discard a held push; the version that is served stays. Raises OutboxUnavailable."""
        await self._approval.drop_held(held.name)
        await self._journal.did(who, "push.rejected", zone=held.name, detail=_what(held))

    async def open_migration(
        self, former: str, server: str, zones: Sequence[ZoneName], *, lasts_s: float, who: Operator
    ) -> Migration:
        """Announce a move: from now on zones may change from one server to another without a hold or warning."""
        until = self._clock.now_s() + lasts_s
        move = Migration(former=former, server=server, zones=tuple(zones), until=until)
        number = await self._approval.open_migration(move)
        which = counted(len(zones), "zone") if zones else "all zones"
        await self._journal.did(who, "migration.opened", detail=f"{former} to {server}, {which}, {lasts_s:g} s")
        return replace(move, id=number)

    async def close_migration(self, number: int, who: Operator) -> None:
        """Close a move before its time is up. Raises NotHere if no such move is open, OutboxUnavailable."""
        if not await self._approval.close_migration(number):
            raise NotHere(f"move {number} is not open")
        await self._journal.did(who, "migration.closed", detail=str(number))

    async def migrations(self, *, after: int = 0, limit: int = 1000) -> list[Migration]:
        """The open moves with a number above `after`."""
        return await self._approval.migrations(after=after, limit=limit)


def _what(held: HeldPush) -> str:
    return f"{held.reason}; digest {held.digest[:16]}"
