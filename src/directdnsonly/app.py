"""Composition root: settings in, running service out.

Everything long-lived runs in one TaskGroup (`Service`). An actor that ends unexpectedly ends the process with a
non-zero code and the reason: a half-dead service that still says error=0 is the one thing we never are.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog
from fastapi import FastAPI, HTTPException, Request
from starlette.types import ASGIApp

from directdnsonly import __version__, log
from directdnsonly.api import backends, docs, health, history, metrics, pins, problem, schema, served, tokens
from directdnsonly.api import outbox as outbox_routes
from directdnsonly.api import routes as api_routes
from directdnsonly.api.audit import Auditor
from directdnsonly.api.guard import Guard, principal_of
from directdnsonly.api.parts import ApiParts, DaemonState
from directdnsonly.backends.contract import Backend
from directdnsonly.backends.registry import BACKENDS
from directdnsonly.bodies import Bodies
from directdnsonly.clock import Clock, SystemClock
from directdnsonly.config import Settings
from directdnsonly.dispatch.dispatcher import Dispatcher
from directdnsonly.dispatch.lane import Lane
from directdnsonly.errors import DirectDNSOnlyError, OutboxUnavailable
from directdnsonly.nameservers.contract import DaemonPhase, DaemonStatus, NameServer
from directdnsonly.nameservers.registry import NAMESERVERS
from directdnsonly.nameservers.supervisor import ManagedDaemon
from directdnsonly.outbox.records import Event
from directdnsonly.outbox.sqlite import SqliteStore, open_store
from directdnsonly.receive import approval_routes
from directdnsonly.receive import routes as receive_routes
from directdnsonly.receive.accept import Acceptance, Policy
from directdnsonly.receive.access import Access
from directdnsonly.receive.approvals import Approvals
from directdnsonly.receive.directadmin import is_command_path
from directdnsonly.receive.forwarded import BehindProxies
from directdnsonly.receive.parsing import ZoneParser
from directdnsonly.receive.settings import as_networks, known_secrets
from directdnsonly.receive.tls import Certificate
from directdnsonly.receive.tokens import TokenBook
from directdnsonly.reconcile import routes as reconcile_routes
from directdnsonly.reconcile.reconciler import Reconciler
from directdnsonly.server import keep_what_is_there, listen, make_server
from directdnsonly.verify.compare import Depth
from directdnsonly.verify.verifier import Verifier
from directdnsonly.web import pages, refusals, rendering
from directdnsonly.wiring import ManualPushes, PulledZones, swept_lanes, web_parts
from directdnsonly.wording import counted
from directdnsonly.zone.text import parse

HOUSEKEEPING_EVERY_S = 3600.0
HOUSEKEEPING_PAUSE_S = 0.2  # between steps, so that no push waits for it
CHALLENGE = {"WWW-Authenticate": 'Basic realm="DirectDNSOnly", charset="UTF-8"'}
CLOSE_S = 1.0  # seconds that a backend may take to close its connections
EXIT_OK, EXIT_FAILED = 0, 1


class ServiceFailed(DirectDNSOnlyError):
    """An actor ended that must not end; the reason is the text."""


class Service:
    """All parts of one running service. Made and run by `running`."""

    def __init__(self, settings: Settings, *, clock: Clock, store: SqliteStore) -> None:
        self.settings = settings
        self.clock = clock
        self.store = store
        self.started_at = clock.now_s()
        self.acceptance: Acceptance | None = None
        self.tokens = TokenBook(store, clock)
        self.metrics = metrics.Metrics(list(settings.enabled_backends()))
        self.backends: dict[str, Backend] = {}
        self.daemons: dict[str, NameServer] = {}
        for name, backend_settings in settings.enabled_backends().items():
            if backend_settings.is_managed:
                self.daemons[name] = ManagedDaemon(
                    name=name,
                    program=NAMESERVERS[backend_settings.type].build(name, backend_settings, settings.data_dir),
                    clock=clock,
                    on_phase=partial(self._on_phase, name),
                )
            self.backends[name] = BACKENDS[backend_settings.type].build(name, backend_settings, settings.data_dir)
        self.dispatcher = Dispatcher(
            [self._lane(backend) for backend in self.backends.values()],
            watch_every_s=settings.dispatch.watch_every_s,
        )
        store.serve(self.dispatcher)
        self.reconciler = Reconciler(
            settings=settings.reconciliation,
            store=store,
            clock=clock,
            intake=PulledZones(lambda: self.acceptance, self.dispatcher.wake),
            lanes=swept_lanes(self.dispatcher.lanes, self.backends),
            recorder=self.metrics,
        )

    def _lane(self, backend: Backend) -> Lane:
        can = backend.capabilities
        depth = Depth(self.settings.dns.backends[backend.name].verify)
        return Lane(
            backend=backend,
            verifier=Verifier(
                backend.servers,
                allows_transfer=can.allows_transfer,
                depth=depth,
                authoritative=can.authoritative,
                forgets=can.forgets,
            ),
            depth=depth,
            store=self.store,
            settings=self.settings.dispatch,
            clock=self.clock,
            gate=lambda: self._why_not_running(backend.name),
            recorder=self.metrics,
        )

    def _why_not_running(self, name: str) -> str:
        """Why the bundled name server of a backend is not there; empty when it is, or when it is not ours."""
        daemon = self.daemons.get(name)
        if daemon is None or daemon.status.phase is DaemonPhase.RUNNING:
            return ""
        return daemon.status.reason or "the name server is starting"

    def _on_phase(self, name: str, status: DaemonStatus) -> None:
        lane = self.dispatcher.lanes[name]
        if status.phase is DaemonPhase.RUNNING:
            lane.name_server_running()
        elif status.phase is not DaemonPhase.STOPPED:  # stopped is our own doing
            lane.name_server_lost(status.reason or "the name server is starting")

    async def run(self) -> None:
        """Every actor until cancelled; raises ServiceFailed when one of them ends."""
        try:
            async with asyncio.TaskGroup() as actors:
                for name, daemon in self.daemons.items():
                    actors.create_task(daemon.run(), name=f"nameserver:{name}")
                actors.create_task(self.dispatcher.run(), name="dispatch")
                actors.create_task(self.reconciler.run(), name="reconcile")
                actors.create_task(self._keep_house(), name="outbox:housekeeping")
        except ExceptionGroup as group:  # `except*` would wrap what we raise into a group again, up to Python 3.11.3
            causes = "; ".join(_leaves(group))
            raise ServiceFailed(causes) from group
        raise ServiceFailed("every actor ended, though none may")

    def lost_actors(self) -> list[str]:
        """Actors that have ended or hang; each with what is known.

        `Task.cancelling` is not asked: a count of cancellations does not tell that a task ended.
        """
        alive = {task.get_name() for task in asyncio.all_tasks()}
        names = ["dispatch", "reconcile", "outbox:housekeeping", *(f"nameserver:{name}" for name in self.daemons)]
        lost = [f"{name} has ended" for name in (*names, *self.dispatcher.actors) if name not in alive]
        for pulses in (self.reconciler.pulses, *(lane.pulses for lane in self.dispatcher.lanes.values())):
            lost += [f"{name} hangs: its sign of life is {late:.0f} s late" for name, late in pulses.overdue().items()]
        return lost

    async def aclose(self) -> None:
        """Release the backends and the parser."""
        if self.acceptance is not None:
            await self.acceptance.aclose()
        closed = await asyncio.gather(
            *(self._close(backend) for backend in self.backends.values()), return_exceptions=True
        )
        for error in closed:
            if isinstance(error, BaseException):
                structlog.get_logger().warning("service.close_failed", reason=f"{type(error).__name__}: {error}")

    async def _close(self, backend: Backend) -> None:
        """One backend that hangs must not keep the others, or the process, from ending."""
        async with asyncio.timeout(CLOSE_S):
            await backend.aclose()

    async def _keep_house(self) -> None:
        """Forget old history in small steps."""
        while True:
            try:
                while await self.store.prune():
                    await asyncio.sleep(HOUSEKEEPING_PAUSE_S)
            except OutboxUnavailable as error:
                structlog.get_logger().warning("store.unavailable", reason=str(error), task="housekeeping")
            await asyncio.sleep(HOUSEKEEPING_EVERY_S)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[str]:
    """The texts of what really went wrong in a tree of exception groups."""
    found: list[str] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found += _leaves(error)
        else:
            found.append(f"{type(error).__name__}: {error}")
    return found


def _limits(settings: Settings) -> dict[str, int]:
    """How many zones a credential may hold, where that is limited."""
    return {one.name: one.max_zones for one in settings.app.credentials if one.max_zones}


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
        await store.adopt_backends(list(settings.enabled_backends()))
        await store.count_limited(list(_limits(settings)))
        service = Service(settings, clock=clock, store=store)
        await service.tokens.load()
        for name, pause in (await store.pauses()).items():
            if name in service.dispatcher.lanes:
                service.dispatcher.lanes[name].pause(backends.told(pause))
        stack.push_async_callback(service.aclose)
        async with asyncio.TaskGroup() as group:
            actors = group.create_task(service.run(), name="service")
            try:
                yield service
            finally:
                actors.cancel()


def build_api(service: Service) -> ASGIApp:
    """The HTTP side of a running service."""
    settings = service.settings.app
    audit = Auditor(service.store, service.clock)

    async def note_failures(address: str, user: str, failures: int) -> None:
        at = service.clock.now_s()
        await audit.keep(
            Event(at=at, event="login.failed", actor=user, address=address, detail=counted(failures, "failure"))
        )

    access = Access(
        known_secrets(settings),
        clock=service.clock,
        tokens=service.tokens,
        on_failure=note_failures,
        count_failure=service.metrics.failed_logins.inc,
    )
    acceptance = Acceptance(
        store=service.store,
        parser=ZoneParser(parse),
        clock=service.clock,
        notify=lambda receipt: service.dispatcher.wake(receipt.priority, begun=receipt.begun),
        recorder=service.metrics,
        policy=Policy(
            check_subdomain_owner=settings.check_subdomain_owner_in_cluster_domainowners,
            takeover=settings.takeover,
            hold_losses=settings.hold_losses,
            request_timeout_s=settings.request_timeout_s,
            max_zones=_limits(service.settings),
        ),
    )
    service.acceptance = acceptance
    bodies = Bodies(largest_bytes=settings.max_body_bytes)

    def authenticate(request: Request) -> str:
        """Who the guard has let in."""
        principal = principal_of(request)
        if principal is None:
            raise HTTPException(401, "give a user name and a password, or a token", CHALLENGE)
        return principal.name

    parts = ApiParts(
        store=service.store,
        pushes=ManualPushes(acceptance, {one.name: one.hostname for one in settings.credentials if one.hostname}),
        wake=service.dispatcher.wake,
        authenticate=authenticate,
        lanes=lambda: {name: lane.status() for name, lane in service.dispatcher.lanes.items()},
        daemons=lambda: {
            name: DaemonState(state=str(daemon.status.phase), since=daemon.status.since, reason=daemon.status.reason)
            for name, daemon in service.daemons.items()
        },
        alarms=lambda: [f"{one.kind} {one.subject}: {one.reason}" for one in service.reconciler.alarms()],
        configured=frozenset(service.settings.dns.backends),
        lost_actors=service.lost_actors,
        pushes_so_far=service.metrics.pushes_so_far,
        clock=service.clock,
        started_at=service.started_at,
        max_body_bytes=settings.max_body_bytes,
        bodies=bodies,
        body_timeout_s=settings.body_timeout_s,
    )
    app = FastAPI(
        title="DirectDNSOnly",
        version=__version__,
        description="The extra DNS server of DirectAdmin: zones, changes and the state of each name server.",
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    # First, because routes are tried in order and DirectAdmin's are the ones that must be fast.
    limits = receive_routes.Limits(max_body_bytes=settings.max_body_bytes, body_timeout_s=settings.body_timeout_s)
    door = receive_routes.Door(acceptance, access, limits, bodies)
    app.include_router(receive_routes.router(door))
    app.include_router(backends.router(parts, lambda: service.dispatcher.lanes, audit))
    app.include_router(served.router(parts, lambda: {name: one.servers for name, one in service.backends.items()}))
    app.include_router(reconcile_routes.router(service.reconciler, authenticate))
    approvals = Approvals(store=service.store, acceptance=acceptance, clock=service.clock)
    app.include_router(approval_routes.router(approvals, authenticate))
    for routes in (outbox_routes, history, pins):
        app.include_router(routes.router(parts))
    app.include_router(api_routes.router(parts, audit))  # after those above: it takes any path below /zones/
    app.include_router(tokens.router(service.tokens, audit))
    readiness = health.Readiness(parts)
    app.include_router(health.router(parts, readiness))
    app.include_router(metrics.router(service.metrics, parts))
    app.include_router(docs.router(app, authenticate))
    looked_at = web_parts(parts, readiness, service.reconciler, service.backends, service.settings.timezone)
    writer = rendering.Pages(looked_at.timezone)
    app.include_router(pages.router(looked_at, writer))
    for kind, handler in problem.HANDLERS.items():
        app.add_exception_handler(kind, handler)
    receive_routes.install_error_handlers(app)
    schema.complete(app)
    app.add_middleware(
        Guard, doorkeeper=access, passes=is_command_path, open_metrics=as_networks(settings.metrics_networks)
    )
    return receive_routes.DoorFirst(door, refusals.ForPeople(app, writer))


async def _serve(settings: Settings, sockets: list[socket.socket], certificate: Certificate | None) -> None:
    """Until a signal comes or an actor fails."""
    logger = structlog.get_logger()
    async with running(settings) as service, asyncio.TaskGroup() as group:
        app = BehindProxies(build_api(service), settings.app.trusted_proxies)
        server = make_server(app, settings.app, certificate=certificate)
        keep_what_is_there()
        watching = group.create_task(certificate.watch(), name="tls") if certificate else None
        logger.info(
            "service.started",
            version=__version__,
            listen=f"{settings.app.listen_host}:{settings.app.listen_port}",
            tls=certificate is not None,
            backends=list(service.backends),
        )
        await server.serve(sockets=sockets)
        if watching is not None:
            watching.cancel()
    logger.info("service.stopped")


def serve(settings: Settings) -> int:
    """Run the service; the exit code of the process."""
    log.configure(level=settings.log_level, fmt=settings.log_format, timezone=settings.timezone)
    app = settings.app
    try:
        certificate = Certificate(app.tls_certificate, app.tls_key) if app.tls_certificate and app.tls_key else None
        sockets = listen(app)
    except OSError as error:
        where = f"{app.listen_host}:{app.listen_port}"
        told = f"cannot listen on {where}: {error.strerror or error} (app.listen_host, app.listen_port)"
        print(told, file=sys.stderr)  # noqa: T201 - the operator's terminal, before there is a log
        return EXIT_FAILED
    with contextlib.ExitStack() as stack:
        for one in sockets:
            stack.enter_context(contextlib.closing(one))
        if app.listen_socket is not None:
            stack.callback(app.listen_socket.unlink, missing_ok=True)
        return run_to_its_end(_serve(settings, sockets, certificate))


def run_to_its_end(serving: Coroutine[object, object, None]) -> int:
    """Run until it returns; the exit code of the process. Why it failed stands in the log."""
    try:
        # asyncio's own loop: uvloop acknowledges 15 % more, but raises RuntimeError where asyncio only notes that a
        # connection is gone, in every library that writes to one (the control channel of a name server that died).
        asyncio.run(serving)
    except (DirectDNSOnlyError, BaseExceptionGroup) as error:
        reasons = _leaves(error) if isinstance(error, BaseExceptionGroup) else [str(error)]
        structlog.get_logger().critical("service.failed", reason="; ".join(reasons))
        return EXIT_FAILED
    return EXIT_OK
