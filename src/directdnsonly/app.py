"""Composition root: settings in, running service out.

Everything long-lived runs in one TaskGroup (`Service`). An actor that ends unexpectedly ends the process with a
non-zero code and the reason: a half-dead service that still says error=0 is the one thing we never are.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial

import structlog
import uvicorn
from fastapi import FastAPI, HTTPException, Request

from directdnsonly import __version__, log
from directdnsonly.api import docs, health, history, pins, problem
from directdnsonly.api import outbox as outbox_routes
from directdnsonly.api import routes as api_routes
from directdnsonly.api.parts import ApiParts, DaemonState, Pushed
from directdnsonly.backends.contract import Backend
from directdnsonly.backends.registry import BACKENDS
from directdnsonly.clock import Clock, SystemClock
from directdnsonly.config import Settings
from directdnsonly.dispatch.dispatcher import Dispatcher
from directdnsonly.dispatch.lane import Lane
from directdnsonly.errors import DirectDNSOnlyError, OutboxUnavailable
from directdnsonly.nameservers.contract import DaemonPhase, DaemonStatus, NameServer
from directdnsonly.nameservers.registry import NAMESERVERS
from directdnsonly.nameservers.supervisor import ManagedDaemon
from directdnsonly.outbox.records import Owner, Receipt, Source
from directdnsonly.outbox.sqlite import SqliteStore, open_store
from directdnsonly.receive import approval_routes
from directdnsonly.receive import routes as receive_routes
from directdnsonly.receive.accept import Acceptance, Policy
from directdnsonly.receive.approvals import Approvals
from directdnsonly.receive.credentials import Credentials
from directdnsonly.receive.forwarded import BehindProxies
from directdnsonly.receive.parsing import ZoneParser
from directdnsonly.reconcile import routes as reconcile_routes
from directdnsonly.reconcile.reconciler import Reconciler
from directdnsonly.verify.compare import Depth
from directdnsonly.verify.verifier import Verifier
from directdnsonly.wiring import PulledZones, swept_lanes
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse

HOUSEKEEPING_EVERY_S = 3600.0
HOUSEKEEPING_PAUSE_S = 0.2  # between steps, so that no push waits for it
GRACE_S = 4  # seconds that requests in flight get at shutdown; the whole exit stays under ten
CLOSE_S = 1.0  # seconds that a backend may take to close its connections
EXIT_OK, EXIT_FAILED = 0, 1


class ServiceFailed(DirectDNSOnlyError):
    """An actor ended that must not end; the reason is the text."""


class ManualPushes:
    """The API's door: the same acceptance that DirectAdmin's pushes go through."""

    def __init__(self, acceptance: Acceptance) -> None:
        self._acceptance = acceptance

    async def put(self, name: ZoneName, body: bytes, *, credential: str, address: str) -> Pushed:
        """Accept a zone from a person or a script."""
        accepted = await self._acceptance.push(
            name, body, owner=Owner(credential=credential), address=address, source=Source.API
        )
        return Pushed(receipt=accepted.receipt, warnings=accepted.warnings)

    async def delete(self, name: ZoneName, *, credential: str, address: str) -> Receipt:
        """Accept a delete from a person or a script."""
        return await self._acceptance.delete(
            name, owner=Owner(credential=credential), address=address, source=Source.API
        )

    async def roll_back(self, name: ZoneName, body: bytes, *, credential: str, address: str) -> Pushed:
        """Accept the content of an old version as a new one."""
        accepted = await self._acceptance.push(
            name, body, owner=Owner(credential=credential), address=address, source=Source.ROLLBACK
        )
        return Pushed(receipt=accepted.receipt, warnings=accepted.warnings)

    async def unpin(self, name: ZoneName, *, credential: str, address: str) -> Receipt | None:
        """Release a pinned zone."""
        return await self._acceptance.unpin(name, owner=Owner(credential=credential), address=address)


class Service:
    """All parts of one running service. Made and run by `running`."""

    def __init__(self, settings: Settings, *, clock: Clock, store: SqliteStore) -> None:
        self.settings = settings
        self.clock = clock
        self.store = store
        self.started_at = clock.now_s()
        self.acceptance: Acceptance | None = None
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
        self.reconciler = Reconciler(
            settings=settings.reconciliation,
            store=store,
            clock=clock,
            intake=PulledZones(lambda: self.acceptance, self.dispatcher.wake),
            lanes=swept_lanes(self.dispatcher.lanes, self.backends),
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
        except* Exception as group:
            causes = "; ".join(_leaves(group))
            raise ServiceFailed(causes) from group
        raise ServiceFailed("every actor ended, though none may")

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
        service = Service(settings, clock=clock, store=store)
        stack.push_async_callback(service.aclose)
        async with asyncio.TaskGroup() as group:
            actors = group.create_task(service.run(), name="service")
            try:
                yield service
            finally:
                actors.cancel()


def build_api(service: Service) -> FastAPI:
    """The HTTP side of a running service."""
    settings = service.settings.app
    credentials = Credentials({settings.auth_username: settings.auth_password.get_secret_value()})
    acceptance = Acceptance(
        store=service.store,
        parser=ZoneParser(parse),
        clock=service.clock,
        notify=service.dispatcher.wake,
        policy=Policy(
            check_subdomain_owner=settings.check_subdomain_owner_in_cluster_domainowners,
            takeover=settings.takeover,
            hold_losses=settings.hold_losses,
            request_timeout_s=settings.request_timeout_s,
        ),
    )
    service.acceptance = acceptance

    def authenticate(request: Request) -> str:
        name = credentials.check(request.headers.get("authorization", ""))
        if name is None:
            raise HTTPException(
                401, "give the user name and password of the configuration", {"WWW-Authenticate": 'Basic realm="dadns"'}
            )
        return name

    parts = ApiParts(
        store=service.store,
        pushes=ManualPushes(acceptance),
        wake=service.dispatcher.wake,
        authenticate=authenticate,
        lanes=lambda: {name: lane.status() for name, lane in service.dispatcher.lanes.items()},
        daemons=lambda: {
            name: DaemonState(state=str(daemon.status.phase), since=daemon.status.since, reason=daemon.status.reason)
            for name, daemon in service.daemons.items()
        },
        alarms=lambda: [f"{one.kind} {one.subject}: {one.reason}" for one in service.reconciler.alarms()],
        clock=service.clock,
        started_at=service.started_at,
        max_body_bytes=settings.max_body_bytes,
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
    app.include_router(receive_routes.router(acceptance, credentials, limits, clock=service.clock))
    app.include_router(reconcile_routes.router(service.reconciler, authenticate))
    approvals = Approvals(store=service.store, acceptance=acceptance, clock=service.clock)
    app.include_router(approval_routes.router(approvals, authenticate))
    for routes in (outbox_routes, history, pins, api_routes):  # the last one takes any path below /zones/
        app.include_router(routes.router(parts))
    app.include_router(health.router(parts))
    app.include_router(docs.router(app, authenticate))
    for kind, handler in problem.HANDLERS.items():
        app.add_exception_handler(kind, handler)
    receive_routes.install_error_handlers(app)
    return app


class _Server(uvicorn.Server):
    """uvicorn, but signals are ours: it would kill the process by the signal before the store is closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop, number)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _asked_to_stop(self, number: int) -> None:
        structlog.get_logger().info("service.stopping", signal=signal.Signals(number).name)
        self.should_exit = True


async def _serve(settings: Settings, listening: socket.socket) -> None:
    """Until a signal comes or an actor fails."""
    logger = structlog.get_logger()
    async with running(settings) as service:
        server = _Server(
            uvicorn.Config(
                BehindProxies(build_api(service), settings.app.trusted_proxies),
                http="httptools",
                proxy_headers=False,  # uvicorn would believe anybody on loopback
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                backlog=2048,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        logger.info(
            "service.started",
            version=__version__,
            listen=f"{settings.app.listen_host}:{settings.app.listen_port}",
            backends=list(service.backends),
        )
        await server.serve(sockets=[listening])
    logger.info("service.stopped")


def serve(settings: Settings) -> int:
    """Run the service; the exit code of the process."""
    log.configure(level=settings.log_level, fmt=settings.log_format, timezone=settings.timezone)
    host, port = settings.app.listen_host, settings.app.listen_port
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # With its protocol named: asyncio sets TCP_NODELAY only then, and without it a kept connection waits 40 ms.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        print(f"cannot listen on {host}:{port}: {error.strerror} (app.listen_host, app.listen_port)", file=sys.stderr)  # noqa: T201 - the operator's terminal, before there is a log
        return EXIT_FAILED
    with contextlib.closing(listening):
        try:
            asyncio.run(_serve(settings, listening))
        except (DirectDNSOnlyError, BaseExceptionGroup) as error:
            reasons = _leaves(error) if isinstance(error, BaseExceptionGroup) else [str(error)]
            structlog.get_logger().critical("service.failed", reason="; ".join(reasons))
            return EXIT_FAILED
    return EXIT_OK
