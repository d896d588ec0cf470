"""Accept pushes and deletes, without HTTP: check, record, wake the lanes, and log one line for each.

Every push and delete passes through here, whether from DirectAdmin or from a person. When a method returns, the change is
committed; when it raises, nothing but the refusal was recorded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from directdnsonly.accept.change_id import ChangeIds
from directdnsonly.accept.counting import NobodyCounts, PushRecorder
from directdnsonly.accept.holding import Holding
from directdnsonly.accept.lost import LostPushes
from directdnsonly.accept.parsing import ZoneParser
from directdnsonly.accept.policy import Policy
from directdnsonly.accept.presence import Presence, presence_of
from directdnsonly.accept.telling import LONGEST_NAME, Journal, Telling
from directdnsonly.accept.turns import Turns
from directdnsonly.accept.urgency import PushRate, priority_of
from directdnsonly.clock import Clock
from directdnsonly.errors import (
    KeyTaken,
    NameRefused,
    OutboxUnavailable,
    OwnershipRefused,
    PushRefused,
    VersionConflict,
)
from directdnsonly.outbox.changes import (
    FREELY,
    Kind,
    NewDeletion,
    NewVersion,
    Origin,
    Owner,
    Priority,
    Receipt,
    Source,
    Terms,
    Withheld,
)
from directdnsonly.outbox.kept import LostPush, Refused
from directdnsonly.outbox.store.approval import Approval
from directdnsonly.outbox.store.looking import Looking
from directdnsonly.outbox.store.recording import Recording
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.warn import ZoneWarning

KEPT_BODY_BYTES: Final = 64 * 1024
LAST_WRITE_S: Final = 1.0
DELETES_AT_ONCE: Final = 64  # of one request; they share commits


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A committed push: its receipt, and what was noticed about it."""

    receipt: Receipt
    warnings: tuple[ZoneWarning, ...] = ()


class Acceptance:
    """The one way in for pushes and deletes. Use within one event loop. `notify` is called after each commit that made work."""

    def __init__(
        self,
        *,
        recording: Recording,
        looking: Looking,
        approval: Approval,
        parser: ZoneParser,
        clock: Clock,
        journal: Journal,
        notify: Callable[[Receipt], None],
        policy: Policy | None = None,
        recorder: PushRecorder | None = None,
        on_trouble: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_trouble` is called when a person should look: something could not be recorded, or waits for approval."""
        self.policy = policy or Policy()  # may be replaced: it applies to the pushes that follow
        self._recording = recording
        self._looking = looking
        self._approval = approval
        self._parser = parser
        self._clock = clock
        self._notify = notify
        self._on_trouble = on_trouble
        self._telling = Telling(clock=clock, journal=journal, recorder=recorder or NobodyCounts())
        self.lost = LostPushes(recording)
        self._ids = ChangeIds(clock)
        self._turns = Turns()
        self._holding = Holding(looking, approval, losses=lambda: self.policy.hold_losses)
        self._rate = PushRate(burst=self.policy.bulk_burst, window_s=self.policy.bulk_window_s)

    async def push(
        self,
        domain: str,
        body: bytes,
        *,
        owner: Owner,
        address: str = "",
        source: Source = Source.DIRECTADMIN,
        named_reload: bool = False,
        notes: Sequence[str] = (),
        terms: Terms = FREELY,
        only_if_version: int | None = None,
        approves: str = "",
    ) -> Accepted:
        """Record a zone. Raises PushRefused and OutboxUnavailable; both are logged and a refusal is kept.

        `terms`: judged in the store's transaction, with the limit of the credential; raises VersionConflict, KeyTaken.
        `only_if_version`: recorded only while that is its newest version; `approves`: the digest
        of a push that waits for approval; recorded only while that one waits.
        """
        started_at = self._clock.now_s()
        origin = Origin(change_id=self._ids.next(), source=source, owner=owner, address=address)
        priority = self._priority(owner, source, named_reload=named_reload)
        try:
            async with asyncio.timeout(self.policy.request_timeout_s) as deadline:
                name = ZoneName.parse(domain)
                async with self._turns.of(name):
                    zone = (await self._parser.parse(body, name, deadline)).as_of(self._clock.now_s())
                    loss = None if approves else await self._holding.loss(zone, source)
                    receipt = await self._recording.record_push(
                        NewVersion(
                            zone=zone,
                            origin=origin,
                            priority=priority,
                            only_if_version=only_if_version,
                            terms=self.policy.limited(terms, owner),
                            takeover=self.policy.takeover,
                            loss=loss,
                            body=body,
                            approves=approves,
                        )
                    )
        except PushRefused as refusal:
            await self._keep_refused(refusal, domain, body, origin, started_at)
            if isinstance(refusal, OwnershipRefused):
                await self._telling.anothers(refusal, name, origin)
            raise
        except (OutboxUnavailable, TimeoutError) as error:
            raise self._failed(Kind.PUT, error, domain, origin, started_at, repeated=bool(approves)) from error
        self.lost.made_good(name)
        if receipt.withheld is not None:
            await self._hold(receipt, receipt.withheld, zone, origin, started_at)
            return Accepted(receipt=receipt, warnings=zone.warnings)
        if receipt.overtaken:
            self._telling.overtaken(receipt, origin)
            return Accepted(receipt=receipt)
        self._wake(receipt)
        await self._telling.pushed(receipt, zone, origin, started_at, octets=len(body), notes=notes)
        return Accepted(receipt=receipt, warnings=receipt.warnings)

    async def delete(
        self,
        domain: str,
        *,
        owner: Owner,
        address: str = "",
        source: Source = Source.DIRECTADMIN,
        terms: Terms = FREELY,
    ) -> Receipt:
        """Record the deletion of a zone; deleting a zone that we do not hold is not an error. Raises as `push` does."""
        deleted = await self.delete_all([domain], owner=owner, address=address, source=source, terms=terms)
        return deleted[0]

    async def delete_all(
        self,
        domains: Sequence[str],
        *,
        owner: Owner,
        address: str = "",
        source: Source = Source.DIRECTADMIN,
        notes: Sequence[str] = (),
        terms: Terms = FREELY,
    ) -> list[Receipt]:
        """Record several deletes; one invalid name refuses them all before anything is recorded."""
        started_at = self._clock.now_s()
        wanted: dict[ZoneName, Origin] = {}
        for domain in domains:
            origin = Origin(change_id=self._ids.next(), source=source, owner=owner, address=address)
            try:
                wanted.setdefault(ZoneName.parse(domain), origin)
            except NameRefused as refusal:
                await self._keep_refused(refusal, domain, b"", origin, started_at)
                raise
        at_once = asyncio.Semaphore(DELETES_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._delete_one(name, origin, at_once, notes, terms), name=f"delete:{name}")
                for name, origin in wanted.items()
            ]
        outcomes = [task.result() for task in tasks]
        for outcome in outcomes:
            if not isinstance(outcome, Receipt):
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, Receipt)]

    async def unpin(self, name: ZoneName, *, owner: Owner, address: str = "") -> Receipt | None:
        """Release a pinned zone and deliver the newest version; None if it is not pinned. Raises OutboxUnavailable."""
        origin = Origin(change_id=self._ids.next(), source=Source.API, owner=owner, address=address)
        async with self._turns.of(name):
            receipt = await self._recording.unpin(name, origin)
        if receipt is not None:
            self._wake(receipt)
        return receipt

    async def exists(self, domain: str, *, check_parent: bool = False) -> Presence:
        """Whether we hold the zone or, with `check_parent`, any ancestor. Reads only, and logs nothing.

        DirectAdmin asks at every key that a user presses. Raises NameRefused and OutboxUnavailable.
        """
        limit_s = self.policy.request_timeout_s
        return await presence_of(self._looking, domain, check_parent=check_parent, limit_s=limit_s)

    async def refuse(self, refusal: PushRefused, domain: str, body: bytes, *, owner: Owner, address: str = "") -> None:
        """Keep and log a push that was refused before it could be decoded."""
        origin = Origin(change_id=self._ids.next(), source=Source.DIRECTADMIN, owner=owner, address=address)
        await self._keep_refused(refusal, domain, body, origin, self._clock.now_s())

    async def aclose(self) -> None:
        """Stop the parser process, and write the names of lost pushes to the store if it takes them."""
        await self._parser.aclose()
        with suppress(OutboxUnavailable, TimeoutError):
            async with asyncio.timeout(LAST_WRITE_S):
                await self.lost.write()

    async def _delete_one(
        self,
        name: ZoneName,
        origin: Origin,
        at_once: asyncio.Semaphore,
        notes: Sequence[str],
        terms: Terms,
    ) -> Receipt | OutboxUnavailable | OwnershipRefused | VersionConflict | KeyTaken:
        """Record one delete; OutboxUnavailable is returned, not raised, so that the other deletes go on."""
        started_at = self._clock.now_s()
        priority = self._priority(origin.owner, origin.source, named_reload=False)
        deletion = NewDeletion(name=name, origin=origin, priority=priority, terms=terms)
        try:
            receipt = await self._record_delete(deletion, at_once)
            if receipt.gives_way:
                await self._let_in(name, receipt.gives_way)
                receipt = await self._record_delete(replace(deletion, gives_way=False), at_once)
        except (VersionConflict, KeyTaken) as conflict:
            return conflict
        except OwnershipRefused as refusal:
            await self._telling.not_deleted(refusal, name, origin, started_at)
            return refusal
        except (OutboxUnavailable, TimeoutError) as error:
            return self._failed(Kind.DELETE, error, name, origin, started_at)
        self.lost.made_good(name)
        self._wake(receipt)
        await self._telling.deleted(receipt, origin, started_at, notes=notes)
        return receipt

    async def _record_delete(self, deletion: NewDeletion, at_once: asyncio.Semaphore) -> Receipt:
        async with asyncio.timeout(self.policy.request_timeout_s), at_once, self._turns.of(deletion.name):
            return await self._recording.record_delete(deletion)

    async def _let_in(self, name: ZoneName, digest: str) -> None:
        """When the owner deletes a zone that another server is waiting to take over, record the take-over first; it stays."""
        held = await self._approval.held_push(name)
        if held is not None and held.digest == digest:
            with suppress(PushRefused):  # it is kept and shown as refused; the delete goes on
                await self.push(name, held.body, owner=held.owner, address=held.address, approves=digest)

    def _priority(self, owner: Owner, source: Source, *, named_reload: bool) -> Priority:
        from_directadmin = source is Source.DIRECTADMIN
        overflows = from_directadmin and self._rate.overflows((owner.credential, owner.hostname), self._clock.now_s())
        pulled = source in {Source.PULL, Source.RECONCILE}
        return priority_of(named_reload=named_reload, overflows=overflows or pulled)

    async def _hold(self, receipt: Receipt, held: Withheld, zone: Zone, origin: Origin, started_at: float) -> None:
        """Finish a push that is committed but held for approval: the old version stays served."""
        await self._telling.withheld(receipt, held, origin, started_at)
        if held.anew:
            self._on_trouble()
            try:
                await self._holding.explain(zone, held.digest)
            except OutboxUnavailable as error:
                self._telling.unexplained(str(zone.name), str(error))
        await self._telling.notices(receipt, origin)

    def _wake(self, receipt: Receipt) -> None:
        if receipt.changed:
            self._notify(receipt)

    def _failed(
        self,
        kind: Kind,
        error: OutboxUnavailable | TimeoutError,
        domain: str,
        origin: Origin,
        started_at: float,
        *,
        repeated: bool = False,
    ) -> OutboxUnavailable:
        """Log and note that we could not record a change; returns the error to answer. `repeated`: the push is still held, so nothing is lost."""
        reason = str(error) or f"not recorded within {self.policy.request_timeout_s:g} s"
        self._telling.failed(kind, reason, domain, origin, started_at)
        if origin.source in {Source.DIRECTADMIN, Source.API} and not repeated:
            self.lost.note(
                LostPush(
                    name=ZoneName.parse(domain),
                    kind=kind,
                    change_id=origin.change_id,
                    reason=reason,
                    owner=origin.owner,
                    address=origin.address,
                    at=self._clock.now_s(),
                )
            )
        self._on_trouble()
        failure = error if isinstance(error, OutboxUnavailable) else OutboxUnavailable(reason)
        failure.change_id = origin.change_id
        return failure

    async def _keep_refused(
        self, refusal: PushRefused, domain: str, body: bytes, origin: Origin, started_at: float
    ) -> None:
        kept = True
        refusal.change_id = origin.change_id
        self._telling.count_refused(refusal, origin, started_at)
        try:
            await self._recording.record_refused(
                Refused(
                    change_id=origin.change_id,
                    name=domain[:LONGEST_NAME],
                    rule=refusal.rule,
                    reason=refusal.reason,
                    faults=refusal.faults,
                    owner=origin.owner,
                    address=origin.address,
                    at=self._clock.now_s(),
                    body=body[:KEPT_BODY_BYTES],
                )
            )
        except OutboxUnavailable:
            kept = False  # the answer is error=1 all the same
        self._telling.refused(refusal, domain, origin, started_at, octets=len(body), kept=kept)
