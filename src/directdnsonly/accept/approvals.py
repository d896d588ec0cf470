"""What an operator says about held pushes and planned moves. An approval is bound to the content that was looked at."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from directdnsonly.accept.acceptance import Acceptance
from directdnsonly.clock import Clock
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.drift import HeldPush, HoldRule, Migration
from directdnsonly.outbox.records import Event, Receipt
from directdnsonly.outbox.store import HoldStore
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName

LEAST_DIGEST = 12  # hex digits that bind an approval


class Approvals:
    """Use within one event loop."""

    def __init__(self, *, store: HoldStore, acceptance: Acceptance, clock: Clock) -> None:
        self._store = store
        self._acceptance = acceptance
        self._clock = clock
        self._log = structlog.get_logger()

    async def waiting(self, limit: int, *, after: str = "") -> list[HeldPush]:
        """Pushes that wait, oldest first, those after `after` (moment/zone). Raises ValueError for what is none of ours."""
        return await self._store.held_pushes(limit=limit, after=after)

    async def find(self, name: ZoneName, digest: str) -> HeldPush | None:
        """The push that waits for this zone, if it has this content."""
        held = await self._store.held_push(name)
        if held is None or len(digest) < LEAST_DIGEST or not held.digest.startswith(digest.lower()):
            return None
        return held

    async def approve(self, held: HeldPush, *, actor: str) -> Receipt:
        """Serve it, unless the zone changed meanwhile (`ignored` says so). Raises PushRefused, OutboxUnavailable."""
        accepted = await self._acceptance.push(
            held.name,
            held.body,
            owner=held.owner,
            address=held.address,
            only_if_version=held.version if held.rule is HoldRule.LOSS else None,
            approves=held.digest,
        )
        if not accepted.receipt.overtaken:
            await self._record("push.approved", actor, f"{held.reason}; digest {held.digest[:16]}", zone=held.name)
        return accepted.receipt

    async def reject(self, held: HeldPush, *, actor: str) -> None:
        """Forget it; what is served stays."""
        await self._store.drop_held(held.name)
        await self._record("push.rejected", actor, f"{held.reason}; digest {held.digest[:16]}", zone=held.name)

    async def open_migration(
        self, former: str, server: str, zones: Sequence[ZoneName], *, lasts_s: float, actor: str
    ) -> Migration:
        """From now on zones move from one server to another without a hold and without a warning."""
        until = self._clock.now_s() + lasts_s
        move = Migration(former=former, server=server, zones=tuple(zones), until=until)
        number = await self._store.open_migration(move)
        await self._record(
            "migration.opened",
            actor,
            f"{former} to {server}, {counted(len(zones), 'zone') if zones else 'all zones'}, {lasts_s:g} s",
        )
        return Migration(id=number, former=former, server=server, zones=tuple(zones), until=until)

    async def close_migration(self, number: int, *, actor: str) -> bool:
        """End it before its time; whether there was one."""
        closed = await self._store.close_migration(number)
        if closed:
            await self._record("migration.closed", actor, str(number))
        return closed

    async def migrations(self, *, after: int = 0, limit: int = 1000) -> list[Migration]:
        """Planned moves that are open, those with a higher number than `after`."""
        return await self._store.migrations(after=after, limit=limit)

    async def _record(self, event: str, actor: str, detail: str, *, zone: str = "") -> None:
        self._log.info(event, zone=zone, actor=actor, detail=detail)
        try:
            await self._store.record_event(
                Event(at=self._clock.now_s(), event=event, zone=zone, actor=actor, detail=detail)
            )
        except OutboxUnavailable as error:  # what was done stays done
            self._log.error("event.lost", lost=event, zone=zone, reason=str(error))
