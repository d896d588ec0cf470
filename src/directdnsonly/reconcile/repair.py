"""Carries out a plan: pulls missed zones and advances orphans. Everything becomes an ordinary version."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from directdnsonly.accept.telling import Journal
from directdnsonly.clock import Clock
from directdnsonly.errors import PushRefused
from directdnsonly.outbox.changes import Kind, NewDeletion, Origin, Owner, Priority, Source
from directdnsonly.outbox.drift import HoldRule, Sighting, SightingState
from directdnsonly.outbox.store.approval import Approval
from directdnsonly.outbox.store.drift import DriftWatch
from directdnsonly.reconcile.answers import NoList, NotReadable
from directdnsonly.reconcile.directadmin_client import DirectAdminClient
from directdnsonly.reconcile.orphans import Next, Orphans, Step
from directdnsonly.reconcile.plan import Stale
from directdnsonly.reconcile.pulled import PulledZones
from directdnsonly.reconcile.settings import DirectAdminServer, ReconciliationSettings
from directdnsonly.reconcile.survey import Opened, Progress, Surveyed, serials_now
from directdnsonly.reconcile.unforeseen import store_is_unavailable, unforeseen
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.serial import is_newer

GIVE_UP_AFTER = 10  # zones of one server that could not be read, one after the other: it is away
RELEASED_AT_ONCE = 1000
SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A zone to pull, if we still hold this version of it (0: we do not hold it)."""

    name: ZoneName
    version: int
    owner: Owner


@dataclass(slots=True)
class Result:
    """What a pass has done, counted as it goes along."""

    pulled: int = 0
    refused: int = 0
    overtaken: int = 0
    quarantined: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    failed: dict[str, int] = field(default_factory=dict)  # zones that could not be pulled, by server

    def fail(self, server: str, reason: str) -> None:
        """Note that a zone could not be pulled."""
        self.failed[server] = self.failed.get(server, 0) + 1
        if len(self.failures) < SHOWN:
            self.failures.append(reason)


class Repair:
    """Records a plan's changes; each is a compare-and-set, so that a newer push always wins."""

    def __init__(
        self,
        *,
        drift: DriftWatch,
        approval: Approval,
        settings: ReconciliationSettings,
        clock: Clock,
        journal: Journal,
        intake: PulledZones,
        open_client: Opened,
    ) -> None:
        self._drift = drift
        self._approval = approval
        self.settings = settings  # may be set anew between two passes
        self._clock = clock
        self._journal = journal
        self._intake = intake
        self._open = open_client
        self._refused: dict[ZoneName, bytes] = {}  # contents that our parser refuses, by their hash

    def refused(self, name: ZoneName) -> bool:
        """Whether the zone was fetched but refused, so that it is at fault rather than missed."""
        return name in self._refused

    async def pull(self, surveyed: Surveyed, result: Result, progress: Progress) -> None:
        """Pull the missed, migrated and stale zones, server by server. Raises OutboxUnavailable."""
        for server in self.settings.directadmin_servers:
            try:
                missed, stale = self._missed(server, surveyed), await self._stale(server, surveyed)
                if missed or stale:
                    async with self._open(server) as client:
                        wanted = await self._with_users(client, missed) + stale
                        await self._pull_all(client, wanted, result, progress)
            except Exception as error:  # the others go on
                if store_is_unavailable(error):
                    raise
                result.fail(server.hostname, unforeseen(error, "fetching", server=server.hostname))

    def _missed(self, server: DirectAdminServer, surveyed: Surveyed) -> list[Wanted]:
        plan = surveyed.plan
        found = plan.server(server.hostname)
        hostname = server.pushed_as[0] if server.pushed_as else server.hostname
        if found and found.pushes_as and not found.owned:
            hostname = found.pushes_as  # so that its own later delete is not taken for a stranger's
        owner = Owner(credential=found.credential if found else "", hostname=hostname)
        here = [(one.name, one.version) for one in plan.missed if one.server == server.hostname]
        here += [(one.name, one.version) for one in plan.migrated if one.server == server.hostname]
        return [Wanted(name=name, version=version, owner=owner) for name, version in here]

    async def _with_users(self, client: DirectAdminClient, missed: Sequence[Wanted]) -> list[Wanted]:
        """The zones with their DirectAdmin users; a zone may lack one until its next push."""
        try:
            users = await client.owners() if missed else {}
        except NoList:
            users = {}
        return [replace(one, owner=replace(one.owner, username=users.get(one.name, ""))) for one in missed]

    async def _stale(self, server: DirectAdminServer, surveyed: Surveyed) -> list[Wanted]:
        """The zones that are still stale after a pause, because a push in transit is not a missed one."""
        stale = [one for one in surveyed.plan.stale if one.server == server.hostname]
        if not stale:
            return []
        await asyncio.sleep(self.settings.stale_after_s)
        by_name: dict[ZoneName, Stale] = {one.name: one for one in stale}
        held = [one for one in await self._drift.held(list(by_name)) if one.kind is Kind.PUT]
        serials = await serials_now(self.settings, server, held) or []
        return [
            Wanted(name=one.name, version=one.version, owner=one.owner)
            for one, serial in zip(held, serials, strict=False)
            if serial is not None and is_newer(serial, one.pushed_serial)
        ]

    async def _pull_all(
        self, client: DirectAdminClient, wanted: Sequence[Wanted], result: Result, progress: Progress
    ) -> None:
        """Pull zones, a few at a time, until the server stops answering."""
        waiting = iter(wanted)
        row_of_failures = 0

        async def worker() -> None:
            nonlocal row_of_failures
            for one in waiting:
                if row_of_failures >= GIVE_UP_AFTER:
                    return
                row_of_failures = 0 if await self._pull_one(client, one, result) else row_of_failures + 1
                progress(f"pulling from {client.server.hostname}", result.pulled)

        async with asyncio.TaskGroup() as group:
            for number in range(min(self.settings.pulls_at_once, len(wanted))):
                group.create_task(worker(), name=f"reconcile:pull:{client.server.hostname}:{number}")

    async def _pull_one(self, client: DirectAdminClient, wanted: Wanted, result: Result) -> bool:
        """Pull one zone; returns whether the server answered."""
        server = client.server.hostname
        try:
            text = await client.zone(wanted.name)
        except NotReadable as error:
            result.fail(server, f"{wanted.name}: {error}")
            return error.absent
        except Exception as error:  # noqa: BLE001 - whatever it answered costs this zone, not the pass
            told = unforeseen(error, "fetching it", server=server, zone=str(wanted.name))
            result.fail(server, f"{wanted.name}: {told}")
            return False
        digest = hashlib.sha256(text).digest()
        if self._refused.get(wanted.name) == digest:
            result.refused += 1  # the same as before: it is kept once, not in every pass
            return True
        try:
            receipt = await self._intake.pull(
                wanted.name, text, owner=wanted.owner, server=server, only_if_version=wanted.version
            )
        except PushRefused as refusal:
            result.refused += 1
            self._refused[wanted.name] = digest
            if len(result.failures) < SHOWN:
                result.failures.append(f"{wanted.name}: {refusal}")
            return True
        self._refused.pop(wanted.name, None)
        if receipt.overtaken or receipt.withheld is not None:  # not by a pin: that is recorded, and waits
            result.overtaken += 1
        else:
            result.pulled += 1
        return True

    async def release(self, surveyed: Surveyed, result: Result) -> None:
        """Release held take-overs whose former server no longer lists the zone.

        And zones that lay above or below another server's: they are judged again, by what is there now.
        """
        gone = {one.name: one.version for one in surveyed.plan.absent}
        gone |= {one.name: one.version for one in surveyed.plan.migrated}
        for held in await self._approval.held_pushes(limit=RELEASED_AT_ONCE):
            let_go = held.rule is HoldRule.TAKEOVER and held.name in gone
            if not let_go and held.rule is not HoldRule.OVERLAP:
                continue
            if held.damaged:
                result.failures.append(f"{held.name}: {held.damaged}")
                continue
            try:
                if let_go:
                    receipt = await self._intake.release(held, only_if_version=gone[held.name])
                else:
                    receipt = await self._intake.push_again(held)
            except PushRefused as refusal:
                result.failures.append(f"{held.name}: {refusal}")
                continue
            result.released += [] if receipt.overtaken or receipt.withheld is not None else [str(held.name)]

    # -- orphans

    async def orphans(self, surveyed: Surveyed, orphans: Orphans, result: Result) -> None:
        """Advance each absent zone by one step. Raises OutboxUnavailable."""
        now = self._drift.believed_s()
        back = [one for name, one in surveyed.sightings.items() if name in surveyed.plan.present]
        result.returned += [str(one.name) for one in back if one.state is SightingState.QUARANTINED]
        due = orphans.of(Step.DELETE)
        ripe = orphans.of(Step.QUARANTINE)
        sure = await self._denied([*ripe, *due], result)
        seen = []
        for one in orphans.steps:
            sighting = one.sighting
            if one.step is Step.QUARANTINE and one.zone.name in sure:
                sighting = replace(sighting, state=SightingState.QUARANTINED, quarantined_at=now, plan="")
                result.quarantined.append(str(one.zone.name))
                await self._tell("orphan.quarantined", one, "still served; deleted after the grace")
            seen.append(sighting)
        await self._drift.save_sightings(seen, [one.name for one in back])
        for one in due:
            if one.zone.name in sure:
                await self._delete(one, result)

    async def _denied(self, steps: Sequence[Next], result: Result) -> frozenset[ZoneName]:
        """The zones that DirectAdmin, asked for each again, denies having; a doubtful answer is not a denial."""
        sure: set[ZoneName] = set()
        for server in self.settings.directadmin_servers:
            here = [one.zone.name for one in steps if one.zone.server == server.hostname]
            if not here:
                continue
            denied = await self._denied_by(server, here)
            sure |= denied
            result.doubtful += [str(name) for name in here if name not in denied]
        return frozenset(sure)

    async def _denied_by(self, server: DirectAdminServer, names: Sequence[ZoneName]) -> frozenset[ZoneName]:
        """The zones that are absent from a fresh list and denied by a server that still returns another zone."""
        async with self._open(server) as client:
            try:
                listed = (await client.zones()).zones
                await client.zone(listed[0])  # the witness: so that a denial means something
                there = frozenset(listed)
                return frozenset([name for name in names if name not in there and await self._is_denied(client, name)])
            except (NoList, NotReadable):
                return frozenset()
            except Exception as error:  # noqa: BLE001 - doubt, which is no denial
                unforeseen(error, "asking for absent zones", server=server.hostname)
                return frozenset()

    async def _is_denied(self, client: DirectAdminClient, name: ZoneName) -> bool:
        try:
            await client.zone(name)
        except NotReadable as error:
            return error.absent
        return False

    async def _delete(self, one: Next, result: Result) -> None:
        sighting: Sighting = one.sighting
        origin = Origin(
            change_id=f"reconcile-{int(self._clock.now_s() * 1000):013d}-{secrets.token_hex(6)}",
            source=Source.RECONCILE,
            owner=Owner(hostname=one.zone.server),
        )
        deletion = NewDeletion(name=one.zone.name, origin=origin, priority=Priority.INTERACTIVE)
        receipt = await self._drift.record_orphan_delete(sighting, deletion)
        if receipt is None or not receipt.changed:
            result.overtaken += 1
            return
        self._intake.wake(Priority.INTERACTIVE)
        result.deleted.append(str(one.zone.name))
        await self._tell("orphan.deleted", one, f"version {receipt.version}; dadns reconcile --undo brings it back")

    async def _tell(self, event: str, one: Next, detail: str) -> None:
        zone, absences = one.zone, one.sighting.absences
        await self._journal.tell(
            event,
            zone=zone.name,
            actor="reconcile",
            detail=f"absent in {absences} whole lists of {zone.server}; {detail}",
            line={"zone": str(zone.name), "server": zone.server, "version": zone.version, "absences": absences},
            warn=True,
        )
