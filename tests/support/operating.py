"""Everything that an operator can do, over a real store and real lanes to the fake backend, without HTTP.

No lane runs: what an act makes due stays due, so that a test sees it. `woken` has what the lanes were told.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from directdnsonly.accept.acceptance import Acceptance
from directdnsonly.accept.parsing import ZoneParser
from directdnsonly.accept.policy import Policy
from directdnsonly.access.tokens import TokenBook
from directdnsonly.clock import Clock, ManualClock
from directdnsonly.dispatch.lane import Lane
from directdnsonly.dispatch.settings import DispatchSettings
from directdnsonly.operate.acts import Acts, acts_of
from directdnsonly.operate.journal import Journal
from directdnsonly.operate.running import Running
from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.deliveries import Settle, Settlement
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.outbox.store.peering import Peering
from directdnsonly.peers.neighbour import Surroundings
from directdnsonly.peers.neighbours import Neighbours
from directdnsonly.reconcile.pulled import PulledZones
from directdnsonly.reconcile.reconciler import Reconciler
from directdnsonly.reconcile.settings import ReconciliationSettings
from directdnsonly.verify.verifier import Verifier
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.support.fake_backend import FakeBackend
from tests.support.made import a_change_id, a_push

DA = {"hostname": "da1.host.example", "username": "admin", "password": "x"}


@dataclass(frozen=True, kw_only=True)
class Operated:
    """The acts and what they act upon."""

    store: SqliteStore
    clock: Clock
    acceptance: Acceptance
    acts: Acts
    running: Running
    backends: dict[str, FakeBackend]
    tokens: TokenBook
    woken: list[Priority]

    async def told(self) -> list[tuple[str, str, str, str, str]]:
        """The audit, oldest first: event, zone, actor, address, detail."""
        found = [(one.event, one.zone, one.actor, one.address, one.detail) for one in await self.store.looking.events()]
        return found[::-1]

    @property
    def dry_run(self) -> bool:
        """Whether a pass may only look."""
        return ReconciliationSettings().dry_run

    async def bury(self, *names: str, backend: str = "one") -> None:
        """These zones were pushed, and given up by this backend."""
        for name in names:
            await self.store.recording.record_push(a_push(name))
        claims = await self.store.work.claim(backend, limit=1000, lease_s=60)
        await self.store.work.settle([Settlement(claim=claim, how=Settle.BURY, reason="bad name") for claim in claims])

    async def fill_audit(self) -> None:
        """From now on the store takes everything but lines of the audit."""
        full = "CREATE TEMP TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        await self.store.engine.commits.submit(lambda connection: connection.execute(full) and None)


@asynccontextmanager
async def operated(
    folder: Path,
    *,
    names: Sequence[str] = ("one", "two"),
    clock: Clock | None = None,
    policy: Policy | None = None,
    configured: Sequence[str] = (),
) -> AsyncIterator[Operated]:
    """`configured`: backends that are in the configuration and not enabled."""
    clock = clock or ManualClock()
    woken: list[Priority] = []
    async with AsyncExitStack() as stack:
        backends = {name: await stack.enter_async_context(FakeBackend(name)) for name in names}
        settings = OutboxSettings(disk_reserve_mb=0)
        store = await stack.enter_async_context(
            open_store(folder, settings=settings, clock=clock, backends=list(names))
        )
        await store.upkeep.adopt_backends(list(names))
        journal = Journal(store.recording, clock)
        lanes = {}
        for name, backend in backends.items():
            verifier = Verifier(backend.servers, allows_transfer=False)
            stack.callback(verifier.close)
            lanes[name] = Lane(
                backend=backend, verifier=verifier, work=store.work, settings=DispatchSettings(), clock=clock
            )
        acceptance = Acceptance(
            recording=store.recording, looking=store.looking, approval=store.approval,
            parser=ZoneParser(parse), clock=clock, journal=journal, policy=policy,
            notify=lambda receipt: woken.append(receipt.priority),
        )  # fmt: skip
        stack.push_async_callback(acceptance.aclose)
        reconciler = Reconciler(
            settings=ReconciliationSettings.model_validate({"directadmin_servers": [DA]}),
            drift=store.drift, work=store.work, approval=store.approval, clock=clock,
            journal=journal, intake=PulledZones(acceptance, woken.append), lanes=(),
        )  # fmt: skip
        tokens = TokenBook(store.operators, clock)
        whole = frozenset({*names, *configured})
        acts = acts_of(
            store=store, clock=clock, journal=journal, acceptance=acceptance, reconciler=reconciler, lanes=lanes,
            neighbours=neighbours_without(store.peering, clock, journal),
            wake=woken.append, tokens=tokens, configured=whole, hostnames={"bound": "s1.host.example"},
        )  # fmt: skip
        running = Running(
            store=store, clock=clock, started_at=clock.now_s(), lanes=lanes, lost=acceptance.lost, daemons={},
            alarms=reconciler.alarms, configured=whole,
        )  # fmt: skip
        yield Operated(
            store=store, clock=clock, acceptance=acceptance, acts=acts, running=running, backends=backends,
            tokens=tokens, woken=woken,
        )  # fmt: skip


def neighbours_without(peering: Peering, clock: Clock, journal: Journal) -> Neighbours:
    """No peer is configured."""

    async def parsed(text: str, name: ZoneName) -> Zone:
        return parse(text, name)

    return Neighbours(
        Surroundings(
            peering=peering, clock=clock, journal=journal, parse=parsed, change_id=a_change_id, on_taken=lambda _: None
        )
    )
