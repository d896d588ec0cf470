"""The plugs between stages that must not import each other: the Protocols of `api`, `web` and `reconcile` over the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import structlog

from directdnsonly.accept.acceptance import Acceptance
from directdnsonly.api.audit import EventStore
from directdnsonly.api.explain import Explainer
from directdnsonly.api.health import Readiness
from directdnsonly.api.parts import ApiParts, Pushed
from directdnsonly.backends.contract import Backend, ZoneObserved
from directdnsonly.clock import Clock
from directdnsonly.config import Settings
from directdnsonly.dispatch import lane
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.nameservers.contract import DaemonStatus
from directdnsonly.networks import is_loopback
from directdnsonly.outbox.drift import HeldPush
from directdnsonly.outbox.records import FREELY, Event, Owner, Priority, Receipt, Source, Terms
from directdnsonly.reconcile.reconciler import Reconciler
from directdnsonly.reconcile.report import PassView
from directdnsonly.reconcile.seams import Swept
from directdnsonly.web.parts import PassLine, Reconciling, WebParts
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName

TOLD_EVERY_S = 600.0  # of one backend: one that ends every ten seconds must not push all else off the page
SHOWN_FAILURES = 3  # of each pass, on the status page


def heard_here_only(settings: Settings) -> dict[str, str]:
    """Bundled name servers that only this machine can ask, by backend, while pushes come in from elsewhere."""
    if is_loopback(settings.app.listen_host):
        return {}
    found = {name: backend.heard_here_only for name, backend in settings.enabled_backends().items()}
    return {name: place for name, place in found.items() if place}


def places_of(settings: Settings) -> list[str]:
    """Where the bundled name servers answer, for the first screen."""
    return [
        f"{name}: {' '.join(f'{address}#{port}' for address, port in backend.listening)}"
        for name, backend in settings.enabled_backends().items()
        if backend.listening
    ]


class ManualPushes:
    """The API's door: the same acceptance that DirectAdmin's pushes go through."""

    def __init__(self, acceptance: Acceptance, hostnames: Mapping[str, str]) -> None:
        """`hostnames`: the DirectAdmin server that a credential is bound to, by its name."""
        self._acceptance = acceptance
        self._hostnames = hostnames

    def _owner(self, credential: str) -> Owner:
        return Owner(credential=credential, hostname=self._hostnames.get(credential, ""))

    async def put(self, name: ZoneName, body: bytes, *, credential: str, address: str, terms: Terms = FREELY) -> Pushed:
        """Accept a zone from a person or a script."""
        accepted = await self._acceptance.push(
            name,
            body,
            owner=self._owner(credential),
            address=address,
            source=Source.API,
            terms=terms,
        )
        return Pushed(receipt=accepted.receipt, warnings=accepted.warnings)

    async def delete(self, name: ZoneName, *, credential: str, address: str, terms: Terms = FREELY) -> Receipt:
        """Accept a delete from a person or a script."""
        return await self._acceptance.delete(
            name,
            owner=self._owner(credential),
            address=address,
            source=Source.API,
            terms=terms,
        )

    async def roll_back(self, name: ZoneName, body: bytes, *, credential: str, address: str) -> Pushed:
        """Accept the content of an old version as a new one."""
        accepted = await self._acceptance.push(
            name, body, owner=self._owner(credential), address=address, source=Source.ROLLBACK
        )
        return Pushed(receipt=accepted.receipt, warnings=accepted.warnings)

    async def unpin(self, name: ZoneName, *, credential: str, address: str) -> Receipt | None:
        """Release a pinned zone."""
        return await self._acceptance.unpin(name, owner=self._owner(credential), address=address)


class PulledZones:
    """reconcile's Intake: the same acceptance that DirectAdmin's pushes go through."""

    def __init__(self, acceptance: Callable[[], Acceptance | None], wake: Callable[[Priority], None]) -> None:
        self._acceptance = acceptance
        self._wake = wake

    async def pull(self, name: ZoneName, body: bytes, *, owner: Owner, server: str, only_if_version: int) -> Receipt:
        """See reconcile.seams.Intake."""
        accepted = await self._door().push(
            name, body, owner=owner, address=server, source=Source.PULL, only_if_version=only_if_version
        )
        return accepted.receipt

    async def restore(self, name: ZoneName, body: bytes, *, owner: Owner) -> Receipt:
        """See reconcile.seams.Intake."""
        return (await self._door().push(name, body, owner=owner, source=Source.ROLLBACK)).receipt

    async def release(self, held: HeldPush, *, only_if_version: int) -> Receipt:
        """See reconcile.seams.Intake."""
        accepted = await self._door().push(
            held.name,
            held.body,
            owner=held.owner,
            address=held.address,
            only_if_version=only_if_version,
            approves=held.digest,
        )
        return accepted.receipt

    async def push_again(self, held: HeldPush) -> Receipt:
        """See reconcile.seams.Intake."""
        return (await self._door().push(held.name, held.body, owner=held.owner, address=held.address)).receipt

    def wake(self, priority: Priority) -> None:
        """See reconcile.seams.Intake."""
        self._wake(priority)

    def _door(self) -> Acceptance:
        acceptance = self._acceptance()
        if acceptance is None:
            raise OutboxUnavailable("pushes are not accepted yet")
        return acceptance


class RestartJournal:
    """Keeps in the audit that a bundled name server ended or hung, for whoever looks when it has long been well again.

    One that ends again and again is told once in `TOLD_EVERY_S`, with how often it was; the log has each time.
    """

    def __init__(self, store: EventStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._told_at: dict[str, float] = {}
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    def note(self, backend: str, status: DaemonStatus) -> None:
        """It is about to be started again. Does not wait for the store: a name server that is away comes first."""
        now = self._clock.now_s()
        if now - self._told_at.get(backend, -TOLD_EVERY_S) >= TOLD_EVERY_S:
            self._told_at[backend] = now
            detail = f"{backend}: {status.reason} ({counted(status.restarts, 'restart')} since our start)"
            self._events.put_nowait(Event(at=now, event="nameserver.exited", actor="service", detail=detail))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.run_once()

    async def run_once(self) -> None:
        """Keep the next one. What the store cannot take stands in the log alone."""
        event = await self._events.get()
        try:
            await self._store.record_event(event)
        except OutboxUnavailable as error:
            structlog.get_logger().error("event.lost", lost=event.event, zone="", reason=str(error))


@dataclass(frozen=True, slots=True)
class SweptLane:
    """reconcile's Lane over dispatch's."""

    lane: lane.Lane
    backend: Backend

    @property
    def name(self) -> str:
        """See reconcile.seams.Lane."""
        return self.backend.name

    async def sweep(self, *, repair: bool) -> Swept:
        """See reconcile.seams.Lane."""
        found = await self.lane.sweep(repair=repair, gentle=True)
        return Swept(seen=found.seen, drifted=found.drifted, examples=found.examples)

    def inventory(self) -> AsyncIterator[ZoneObserved]:
        """See reconcile.seams.Lane."""
        return self.backend.inventory()


def swept_lanes(lanes: Mapping[str, lane.Lane], backends: Mapping[str, Backend]) -> list[SweptLane]:
    """Every backend with its lane."""
    return [SweptLane(lanes[name], backend) for name, backend in backends.items()]


def web_parts(
    parts: ApiParts, readiness: Readiness, reconciler: Reconciler, explainer: Explainer, timezone: str
) -> WebParts:
    """What the status pages look at: the same figures that the API tells."""

    async def passes(limit: int) -> list[PassLine]:
        return [_pass_line(one) for one in await reconciler.passes(limit)]

    def reconciling() -> Reconciling:
        stage = reconciler.running.stage if reconciler.running else ""
        return Reconciling(enabled=reconciler.settings.enabled, running=stage, next_at=reconciler.next_at)

    return WebParts(
        store=parts.store,
        look=readiness.look,
        status=readiness.figures_only,
        explain=explainer.explain,
        reconciling=reconciling,
        passes=passes,
        clock=parts.clock,
        timezone=ZoneInfo(timezone),
    )


def _pass_line(one: PassView) -> PassLine:
    """A pass without its zones: what differed and what was done, each with its number, as far as there was any."""
    done = {key: value if isinstance(value, int) else len(value) for key, value in one.done if key != "failures"}
    return PassLine(
        ended_at=one.ended_at,
        elapsed_s=one.ended_at - one.started_at,
        dry_run=one.dry_run,
        found={kind: number for kind, number in one.plan.counts.items() if number},
        done={key.replace("_", " "): number for key, number in done.items() if number},
        failures=one.done.failures[:SHOWN_FAILURES],
    )
