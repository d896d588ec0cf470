"""The reconciler over the real store and the real acceptance, with a clock that tests move and stand-ins to ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from directdnsonly.accept.acceptance import Acceptance
from directdnsonly.accept.parsing import ZoneParser
from directdnsonly.accept.policy import Policy
from directdnsonly.backends.contract import ZoneObserved
from directdnsonly.clock import ManualClock
from directdnsonly.dispatch import lane as dispatch
from directdnsonly.dispatch.settings import DispatchSettings
from directdnsonly.operate.approvals import Approvals
from directdnsonly.operate.journal import Journal
from directdnsonly.operate.reconciling import Reconciling
from directdnsonly.outbox.changes import Kind, Owner, Priority
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.reconcile.job import Job
from directdnsonly.reconcile.pulled import PulledZones
from directdnsonly.reconcile.reconciler import Reconciler
from directdnsonly.reconcile.report import PassView
from directdnsonly.reconcile.seams import Lane, Swept
from directdnsonly.reconcile.settings import DirectAdminServer, ReconciliationSettings
from directdnsonly.verify.verifier import Verifier
from directdnsonly.wiring import SweptLane
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.support.directadmin import StandIn
from tests.support.fake_backend import FakeBackend

BACKEND = "one"


def server_of(da: StandIn, **keys: Any) -> DirectAdminServer:
    """How the configuration names a stand-in."""
    values = {
        "hostname": da.address,
        "port": da.port,
        "username": da.user,
        "password": da.password,
        "ssl": bool(da.certificate),
        "pushed_as": (da.hostname,),
        "dns_address": f"{da.address}#9",
    }
    return DirectAdminServer(**values | keys)


@dataclass
class Rig:
    """Everything around one reconciler."""

    clock: ManualClock
    store: SqliteStore
    acceptance: Acceptance
    reconciler: Reconciler
    woken: list[Priority]
    asked: Reconciling
    approvals: Approvals

    async def push(self, da: StandIn, *names: str) -> None:
        """The stand-in's zones arrive as pushes."""
        for name in names:
            owner = Owner(credential="h1", hostname=da.hostname, username=da.zones[name].user)
            await self.acceptance.push(name, da.text(name).encode(), owner=owner)

    async def turn(self, *, minutes: float = 61.0, live: bool = True) -> PassView:
        """Time goes on, then a pass."""
        self.clock.advance(minutes * 60)
        return await self.reconciler.run_once(Job(id=0, live=live))

    async def living(self) -> int:
        return await self.store.looking.count_zones()

    async def holds(self, name: str) -> bool:
        found = await self.store.looking.zone(ZoneName.parse(name))
        return found is not None and found.kind is Kind.PUT

    def alarms(self) -> list[str]:
        return [str(alarm.kind) for alarm in self.reconciler.alarms()]


@asynccontextmanager
async def reconciling(
    folder: Path, *servers: DirectAdminServer, lanes: Sequence[Lane] = (), policy: Policy | None = None, **keys: Any
) -> AsyncIterator[Rig]:
    """`keys`: of the settings."""
    clock = ManualClock()
    woken: list[Priority] = []
    settings = ReconciliationSettings(
        **{"enabled": True, "directadmin_servers": list(servers), "stale_after_s": 0.0, "ipp": 500, "timeout_s": 30.0}
        | keys
    )
    outbox = OutboxSettings(disk_reserve_mb=0)
    async with open_store(folder, settings=outbox, clock=clock, backends=[BACKEND]) as store:
        await store.upkeep.adopt_backends([BACKEND])
        journal = Journal(store.recording, clock)
        acceptance = Acceptance(
            recording=store.recording,
            looking=store.looking,
            approval=store.approval,
            parser=ZoneParser(parse),
            clock=clock,
            journal=journal,
            notify=lambda receipt: woken.append(receipt.priority),
            policy=policy,
        )
        intake = PulledZones(acceptance, woken.append)
        reconciler = Reconciler(
            settings=settings,
            drift=store.drift,
            work=store.work,
            approval=store.approval,
            clock=clock,
            journal=journal,
            intake=intake,
            lanes=lanes,
        )
        asked = Reconciling(
            reconciler=reconciler,
            drift=store.drift,
            looking=store.looking,
            acceptance=acceptance,
            clock=clock,
            journal=journal,
        )
        approvals = Approvals(approval=store.approval, acceptance=acceptance, clock=clock, journal=journal)
        try:
            yield Rig(clock, store, acceptance, reconciler, woken, asked, approvals)
        finally:
            await acceptance.aclose()


@asynccontextmanager
async def with_lane(
    folder: Path, backend: FakeBackend, *servers: DirectAdminServer, **keys: Any
) -> AsyncIterator[tuple[Rig, Callable[[], Awaitable[None]]]]:
    """The same with a real lane to a backend; the second value delivers what is outstanding."""
    lanes: dict[str, dispatch.Lane] = {}

    class Late:
        """The lane needs the store, which is open only inside."""

        name = backend.name

        async def sweep(self, *, repair: bool) -> Swept:
            return await SweptLane(lanes[self.name], backend).sweep(repair=repair)

        def inventory(self) -> AsyncIterator[ZoneObserved]:
            return backend.inventory()

    async with reconciling(folder, *servers, lanes=[Late()], **keys) as rig:
        verifier = Verifier(backend.servers, allows_transfer=False)
        lanes[backend.name] = dispatch.Lane(
            backend=backend, verifier=verifier, work=rig.store.work, settings=DispatchSettings(), clock=rig.clock
        )

        async def drain() -> None:
            rig.clock.advance(1)
            while await lanes[backend.name].run_once():
                rig.clock.advance(1)

        try:
            yield rig, drain
        finally:
            verifier.close()
