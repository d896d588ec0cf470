"""Composition root: settings in, running service out, without its HTTP side (app.py).

Everything long-lived runs in one TaskGroup (`Service`). An actor that ends unexpectedly ends the process with a
non-zero code and the reason: a half-dead service that still says error=0 is the one thing we never are.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from directdnsonly.accept.acceptance import Acceptance
from directdnsonly.accept.parsing import ZoneParser
from directdnsonly.access.tokens import TokenBook
from directdnsonly.api import metrics
from directdnsonly.backends.contract import Backend, Seedable
from directdnsonly.backends.daemons import NAMESERVERS
from directdnsonly.backends.registry import BACKENDS
from directdnsonly.bell import Bell
from directdnsonly.clock import Clock, SystemClock
from directdnsonly.config import Settings
from directdnsonly.dispatch.dispatcher import Dispatcher
from directdnsonly.dispatch.lane import Lane
from directdnsonly.dispatch.seed import seed
from directdnsonly.errors import DirectDNSOnlyError
from directdnsonly.nameservers.contract import DaemonPhase, DaemonStatus, NameServer
from directdnsonly.nameservers.leftover import running_in
from directdnsonly.nameservers.program import Program
from directdnsonly.nameservers.supervisor import ManagedDaemon
from directdnsonly.operate.backends import told
from directdnsonly.operate.housekeeping import Housekeeping
from directdnsonly.operate.journal import Journal
from directdnsonly.operate.looking import Readiness
from directdnsonly.operate.restarts import Restarts
from directdnsonly.outbox.sqlite.lock import own
from directdnsonly.outbox.sqlite.store import open_store
from directdnsonly.outbox.store import Store
from directdnsonly.peers.neighbours import ACTOR
from directdnsonly.reconcile.pulled import PulledZones
from directdnsonly.reconcile.reconciler import Reconciler
from directdnsonly.verify.compare import Depth
from directdnsonly.verify.others import Others
from directdnsonly.verify.verifier import Verifier
from directdnsonly.wiring import managed, most_zones, neighbours_of, policy_of, stop_unwanted, swept_lanes
from directdnsonly.zone.text import parse

CLOSE_S = 1.0  # seconds that a backend may take to close its connections


class ServiceFailed(DirectDNSOnlyError):
    """An actor ended that must not end; the reason is the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A backend that nobody uses yet, and the program of its name server where we run that."""

    backend: Backend
    program: Program | None


class Service:
    """All parts of one running service. Made and run by `running`."""

    def __init__(self, settings: Settings, *, clock: Clock, store: Store, folder: OwnedFolder | None = None) -> None:
        """`settings` are those in force: a reload sets others, and tells `followers`."""
        self.settings = settings
        self.followers: list[Callable[[Settings], None]] = []
        self.folder = folder or OwnedFolder(settings.data_dir)
        self.clock = clock
        self.store = store
        self.journal = Journal(store.recording, clock)
        self.started_at = clock.now_s()
        self.changed = Bell()  # the state of the service may be another one
        self.readiness: Readiness | None = None
        self._restarts = Restarts(self.journal, clock)
        self.tokens = TokenBook(store.operators, clock)
        self.metrics = metrics.Metrics(list(settings.enabled_backends()))
        self.backends: dict[str, Backend] = {}
        self.daemons: dict[str, NameServer] = {}
        self.name_servers_outlive = False  # whoever runs us as a process decides (app)
        self._turn = asyncio.Lock()  # of name servers that are replaced
        self._actors: asyncio.TaskGroup | None = None  # while it runs
        self._daemon_tasks: dict[str, asyncio.Task[None]] = {}
        for name, backend_settings in settings.enabled_backends().items():
            self.take(self.build(name, backend_settings))
        self.dispatcher = Dispatcher(
            [self.lane(backend) for backend in self.backends.values()],
            watch_every_s=settings.dispatch.watch_every_s,
        )
        store.recording.serve(self.dispatcher)
        self.parser = ZoneParser(parse)
        self.acceptance = self._acceptance()
        self.reconciler = Reconciler(
            settings=settings.reconciliation,
            drift=store.drift,
            work=store.work,
            approval=store.approval,
            clock=clock,
            journal=self.journal,
            intake=PulledZones(self.acceptance, self.dispatcher.wake),
            lanes=swept_lanes(self.dispatcher.lanes, self.backends),
            recorder=self.metrics,
        )
        self.neighbours = neighbours_of(self, lost=self.acceptance.lost)
        self.neighbours.follow(settings.peers, settings.peering)
        self.housekeeping = Housekeeping(
            store.upkeep, self.journal, peers=lambda: self.neighbours.names, on_trouble=self.changed.ring
        )

    def build(self, name: str, settings: Any) -> Built:
        """A backend, and its name server where we run that. Raises ConfigError."""
        data_dir = self.settings.data_dir
        backend = BACKENDS[settings.type].build(name, settings, data_dir)
        program = NAMESERVERS[settings.type].build(name, settings, data_dir) if settings.is_managed else None
        return Built(backend=backend, program=program)

    def take(self, built: Built) -> None:
        """Keep a backend, in the place of the one of its name where there is one; a name server that runs stays."""
        name, backend = built.backend.name, built.backend
        self.backends[name] = backend
        if built.program is not None and name not in self.daemons:
            self.daemons[name] = ManagedDaemon(
                name=name,
                program=built.program,
                clock=self.clock,
                on_phase=partial(self._on_phase, name),
                before_start=partial(seed, backend, self.store.work, self.clock)
                if isinstance(backend, Seedable)
                else None,
                command=partial(self._ask, name),
                outlives=lambda: self.name_servers_outlive and name in self.daemons,  # one that is taken out does not
                turn=self._turn,
            )

    async def _ask(self, name: str) -> None:
        """Whether a backend is ready, whichever stands there now. Raises BackendUnavailable."""
        await self.backends[name].ready()

    def start_daemon(self, name: str) -> None:
        """Begin to run the name server of a backend that was taken, where it has one and we are at work."""
        if self._actors is not None and name in self.daemons:
            running = self.daemons[name].run()
            self._daemon_tasks[name] = self._actors.create_task(running, name=f"nameserver:{name}")

    async def stop_daemon(self, name: str) -> None:
        """Stop the name server of a backend, where we run it."""
        if self.daemons.pop(name, None) is not None and (task := self._daemon_tasks.pop(name, None)) is not None:
            task.cancel()
            await asyncio.wait([task])

    def beside(self, work: Coroutine[None, None, None], *, name: str) -> None:
        """Have something done meanwhile; what it raises ends the service, as with every actor."""
        assert self._actors is not None, "nothing runs beside a service that does not run"
        self._actors.create_task(work, name=name)

    def _acceptance(self) -> Acceptance:
        return Acceptance(
            recording=self.store.recording,
            looking=self.store.looking,
            approval=self.store.approval,
            parser=self.parser,
            clock=self.clock,
            journal=self.journal,
            notify=lambda receipt: self.dispatcher.wake(receipt.priority, begun=receipt.begun),
            recorder=self.metrics,
            on_trouble=self.changed.ring,
            policy=policy_of(self.settings),
        )

    def lane(self, backend: Backend) -> Lane:
        """A lane for a backend, by the settings in force."""
        can, depth = backend.capabilities, Depth(self.settings.dns.backends[backend.name].verify)
        return Lane(
            backend=backend,
            verifier=Verifier(
                backend.servers,
                allows_transfer=can.allows_transfer,
                depth=depth,
                authoritative=can.authoritative,
                forgets=can.forgets,
                rewrites=can.rewrites,
            ),
            depth=depth,
            work=self.store.work,
            settings=self.settings.dispatch,
            clock=self.clock,
            gate=lambda: self._why_not_running(backend.name),
            recorder=self.metrics,
            after_start=lambda: self.reconciler.look_for_unknown(backend.name),
            on_change=self.changed.ring,
            others=Others() if backend.name in self.daemons else None,
        )

    def _why_not_running(self, name: str) -> str:
        """Why the bundled name server of a backend is not there; empty when it is, or when it is not ours."""
        daemon = self.daemons.get(name)
        if daemon is None or daemon.status.phase is DaemonPhase.RUNNING:
            return ""
        return daemon.status.reason or "the name server is starting"

    def _on_phase(self, name: str, status: DaemonStatus) -> None:
        lane = self.dispatcher.lanes.get(name)
        if lane is None:
            return  # its backend was taken out
        if status.phase is DaemonPhase.RUNNING:
            lane.name_server_running()
        elif status.phase is not DaemonPhase.STOPPED:  # stopped is our own doing
            lane.name_server_lost(status.reason or "the name server is starting")
        if status.phase is DaemonPhase.RESTARTING:
            self._restarts.note(name, status)

    async def run(self) -> None:
        """Every actor until cancelled; raises ServiceFailed when one of them ends."""
        try:
            async with asyncio.TaskGroup() as actors:
                self._actors = actors
                for name in self.daemons:
                    self.start_daemon(name)
                actors.create_task(self.dispatcher.run(), name="dispatch")
                actors.create_task(self.reconciler.run(), name="reconcile")
                actors.create_task(self.housekeeping.run(), name="outbox:housekeeping")
                actors.create_task(self.neighbours.run(), name=ACTOR)
                actors.create_task(self._restarts.run(), name="nameservers:journal")
        except ExceptionGroup as group:  # `except*` would wrap what we raise into a group again, up to Python 3.11.3
            causes = "; ".join(leaves(group))
            raise ServiceFailed(causes) from group
        raise ServiceFailed("every actor ended, though none may")

    def lost_actors(self) -> list[str]:
        """Actors that have ended or hang; each with what is known.

        `Task.cancelling` is not asked: a count of cancellations does not tell that a task ended.
        """
        alive = {task.get_name() for task in asyncio.all_tasks()}
        names = ["dispatch", "reconcile", "outbox:housekeeping", "nameservers:journal"]
        names += [f"nameserver:{name}" for name in self.daemons]
        names += [*self.dispatcher.actors, *self.neighbours.actors]
        lost = [f"{name} has ended" for name in names if name not in alive]
        hanging = [self.reconciler.pulses, *(lane.pulses for lane in self.dispatcher.lanes.values())]
        for pulses in (*hanging, *self.neighbours.pulses()):
            lost += [f"{name} hangs: its sign of life is {late:.0f} s late" for name, late in pulses.overdue().items()]
        return lost

    async def aclose(self) -> None:
        """Release the backends and the parser."""
        await self.acceptance.aclose()
        await asyncio.gather(*(self.close(backend) for backend in self.backends.values()))

    async def close(self, backend: Backend) -> None:
        """One backend that hangs must not keep the others, or the process, from ending."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await backend.aclose()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is over
            structlog.get_logger().warning("service.close_failed", reason=f"{type(error).__name__}: {error}")


def leaves(group: BaseExceptionGroup[BaseException]) -> list[str]:
    """The texts of what really went wrong in a tree of exception groups."""
    found: list[str] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found += leaves(error)
        else:
            found.append(f"{type(error).__name__}: {error}")
    return found


class OwnedFolder:
    """The data_dir in which we run name servers: no other service uses it then, whatever store it has.

    Its start would adopt ours: it takes what runs there for what an earlier life of its own has left.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._lock: int | None = None

    def own(self) -> None:
        """From now on until `release`. Raises OutboxUnavailable when another service does."""
        if self._lock is None:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            cure = "give the folder to the user that the service runs as, or choose another one (data_dir)"
            self._lock = own(self._data_dir / "name-servers.lock", what="the data_dir", cure=cure)

    def release(self) -> None:
        """Others may have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


@asynccontextmanager
async def running(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Service]:
    """The store open and every actor at work. The block is cancelled when an actor fails."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            open_store(
                settings.store_folder,
                settings=settings.outbox,
                clock=clock,
                backends=list(settings.enabled_backends()),
            )
        )
        folder = OwnedFolder(settings.data_dir)
        stack.callback(folder.release)
        if managed(settings) or any(running_in(settings.data_dir)):
            folder.own()
            await stop_unwanted(settings)
        await store.upkeep.adopt_backends(list(settings.enabled_backends()))
        await store.upkeep.count_limited(list(most_zones(settings)))
        await store.upkeep.compare(wanted=bool(settings.peers))
        service = Service(settings, clock=clock, store=store, folder=folder)
        await service.housekeeping.judge_clock()  # before anything is judged by it
        await service.tokens.load()
        for name, pause in (await store.operators.pauses()).items():
            if name in service.dispatcher.lanes:
                service.dispatcher.lanes[name].pause(told(pause))
        stack.push_async_callback(service.aclose)
        async with asyncio.TaskGroup() as group:
            actors = group.create_task(service.run(), name="service")
            try:
                yield service
            finally:
                actors.cancel()
