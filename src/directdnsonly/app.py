"""The HTTP side of the service, and the process: from settings to the exit code."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Collection, Coroutine
from zoneinfo import ZoneInfo

import structlog
from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

from directdnsonly import __version__, log
from directdnsonly.access.credentials import Access
from directdnsonly.api import approvals as approval_routes
from directdnsonly.api import (
    backends,
    docs,
    explain,
    health,
    history,
    lost,
    metrics,
    nameservers,
    original,
    peer,
    peers,
    pins,
    problem,
    schema,
    served,
    tokens,
)
from directdnsonly.api import outbox as outbox_routes
from directdnsonly.api import reconcile as reconcile_routes
from directdnsonly.api import reload as reload_routes
from directdnsonly.api import routes as api_routes
from directdnsonly.api.guard import Guard, operator_of
from directdnsonly.api.parts import ApiParts
from directdnsonly.api.paths import KeepSlashes
from directdnsonly.api.query import only_known
from directdnsonly.config import Settings
from directdnsonly.door.bodies import Bodies
from directdnsonly.door.forwarded import BehindProxies
from directdnsonly.door.server import Server, keep_what_is_there, listen, make_server
from directdnsonly.door.settings import as_networks, known_secrets
from directdnsonly.door.tls import Certificate
from directdnsonly.errors import ConfigError, DirectDNSOnlyError
from directdnsonly.hangup import HANGUPS
from directdnsonly.operate.acts import Acts, acts_of
from directdnsonly.operate.explain import Explainer
from directdnsonly.operate.journal import Operator
from directdnsonly.operate.looking import Readiness
from directdnsonly.operate.running import Running
from directdnsonly.peers.answering import Answering
from directdnsonly.receive import routes as receive_routes
from directdnsonly.reconcile.lookout import Lookout
from directdnsonly.reload import Reloader
from directdnsonly.service import Service, leaves, running
from directdnsonly.web import pages, refusals, rendering
from directdnsonly.web.parts import WebParts
from directdnsonly.wiring import bound_hostnames, heard_here_only, outliving, places_of
from directdnsonly.wording import counted

EXIT_OK, EXIT_FAILED = 0, 1


def build_api(service: Service, certificate: Certificate | None = None, reloader: Reloader | None = None) -> ASGIApp:
    """The HTTP side of a running service; `certificate`: that of its door."""
    settings = service.settings.app
    bodies = Bodies(largest_bytes=settings.max_body_bytes, timeout_s=settings.body_timeout_s)
    access = _access(service)
    reloader = reloader or Reloader(service, certificate)
    configured = set(service.settings.dns.backends)
    looked = _running(service, certificate, reloader, configured)
    timezone = ZoneInfo(service.settings.timezone)
    lookout = Lookout(service.settings.reconciliation)
    explainer = Explainer(looked, lookout, timezone)
    readiness = service.readiness = Readiness(looked, service.changed)
    parts = ApiParts(
        looking=service.store.looking,
        acts=_acts(service, configured),
        running=looked,
        asks=operator_of,
        bodies=bodies,
    )

    known = known_secrets(settings)

    def follow(settings: Settings) -> None:
        """What a reload changes here."""
        nonlocal known
        before, known = known, known_secrets(settings.app)
        if known != before:
            access.replace(known)
        bodies.largest_bytes, bodies.timeout_s = settings.app.max_body_bytes, settings.app.body_timeout_s
        lookout.follow(settings.reconciliation)
        configured.clear()
        configured.update(settings.dns.backends)

    service.followers.append(follow)
    app = FastAPI(
        title="DirectDNSOnly",
        version=__version__,
        description=schema.DESCRIPTION,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=lambda route: route.name,  # the name of its function: `list_zones`
    )
    door = receive_routes.Door(service.acceptance, access, bodies)
    for routes in (
        backends.router(parts),
        nameservers.router(looked),
        served.router(looked),
        explain.router(explainer),
        reconcile_routes.router(parts, service.reconciler),
        approval_routes.router(parts),
        outbox_routes.router(parts),
        history.router(parts),
        pins.router(parts),
        api_routes.router(parts),  # after those above: it takes any path below /zones/
        tokens.router(parts),
        lost.router(parts),
        reload_routes.router(parts, reloader),
        peers.router(parts),
        peer.router(Answering(service.store.peering), bodies, asker=service.neighbours.asker),
        health.router(parts, readiness),
        original.router(looked, readiness),
        metrics.router(service.metrics, looked, readiness.look),
    ):
        app.include_router(routes, dependencies=[Depends(only_known)])
    app.include_router(docs.router(app, operator_of))
    looked_at = WebParts(
        looking=service.store.looking,
        approval=service.store.approval,
        readiness=readiness,
        explainer=explainer,
        reconciler=service.reconciler,
        clock=service.clock,
        timezone=timezone,
    )
    writer = rendering.Pages(looked_at.timezone)
    app.include_router(pages.router(looked_at, writer))
    for kind, handler in problem.HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(
        Guard, doorkeeper=access, open_metrics=lambda: as_networks(service.settings.app.metrics_networks)
    )
    app.add_middleware(KeepSlashes)
    directadmins = receive_routes.router(door, rest=refusals.ForPeople(app, writer))
    schema.complete(app, directadmins)
    return directadmins


def _access(service: Service) -> Access:
    """Who may log in; failures go to the audit."""

    async def note_failures(address: str, user: str, failures: int) -> None:
        detail = counted(failures, "failure")
        await service.journal.keep("login.failed", actor=user, address=address, detail=detail)

    return Access(
        known_secrets(service.settings.app),
        clock=service.clock,
        tokens=service.tokens,
        on_failure=note_failures,
        count_failure=service.metrics.failed_logins.inc,
    )


def _running(
    service: Service, certificate: Certificate | None, reloader: Reloader, configured: Collection[str]
) -> Running:
    return Running(
        store=service.store,
        clock=service.clock,
        started_at=service.started_at,
        lanes=service.dispatcher.lanes,
        lost=service.acceptance.lost,
        daemons=service.daemons,
        alarms=service.reconciler.alarms,
        peers=service.neighbours.statuses,
        configured=configured,
        heard_here_only=lambda: heard_here_only(service.settings),
        configuration=lambda: reloader.standing,
        certificate_ends_at=lambda: certificate.ends_at if certificate else None,
        lost_actors=service.lost_actors,
        pushes_so_far=service.metrics.pushes_so_far,
    )


def _acts(service: Service, configured: Collection[str]) -> Acts:
    bound = bound_hostnames(service.settings)

    def follow(settings: Settings) -> None:
        bound.clear()
        bound.update(bound_hostnames(settings))

    service.followers.append(follow)
    return acts_of(
        store=service.store,
        clock=service.clock,
        journal=service.journal,
        acceptance=service.acceptance,
        reconciler=service.reconciler,
        neighbours=service.neighbours,
        lanes=service.dispatcher.lanes,
        wake=service.dispatcher.wake,
        tokens=service.tokens,
        configured=configured,
        hostnames=bound,
    )


def http_server(service: Service, certificate: Certificate | None = None, reloader: Reloader | None = None) -> Server:
    """All of the HTTP side as it ships: our protocol class, the proxies in front, the door, the guard, the routes."""
    settings = service.settings.app
    app = BehindProxies(build_api(service, certificate, reloader), settings.trusted_proxies)
    server = make_server(app, settings, certificate=certificate)

    def follow(settings: Settings) -> None:
        app.trust(settings.app.trusted_proxies)
        server.follow(settings.app)

    service.followers.append(follow)
    return server


async def _reload_when_hung_up(reloader: Reloader) -> None:
    """At each SIGHUP, until cancelled. Several that come together are one."""
    loop, wanted = asyncio.get_running_loop(), asyncio.Event()
    HANGUPS.listen(lambda: loop.call_soon_threadsafe(wanted.set))
    while True:
        await wanted.wait()
        wanted.clear()
        with contextlib.suppress(ConfigError):  # the log, the status and the audit tell it
            await reloader.reload(Operator(name="SIGHUP"))


async def _serve(
    settings: Settings, sockets: list[socket.socket], certificate: Certificate | None, goes_on: Callable[[bool], bool]
) -> None:
    """Until a signal comes or an actor fails."""
    logger = structlog.get_logger()
    async with running(settings) as service, asyncio.TaskGroup() as group:
        service.name_servers_outlive = goes_on(False)  # where an actor ends us
        reloader = Reloader(service, certificate)
        server = http_server(service, certificate, reloader)
        keep_what_is_there()
        watching = [group.create_task(certificate.watch(), name="tls")] if certificate else []
        if service.readiness is not None:
            watching.append(group.create_task(service.readiness.watch(), name="readiness"))
        watching.append(group.create_task(_reload_when_hung_up(reloader), name="reload"))
        with server.capture_signals():  # from before we say that we are there: who reads that may stop us
            logger.info(
                "service.started",
                version=__version__,
                listen=f"{settings.app.listen_host}:{settings.app.listen_port}",
                tls=certificate is not None,
                backends=list(service.backends),
                started_by=str(settings.starter),
                dns=places_of(settings),
            )
            await server.serve(sockets=sockets)
        HANGUPS.deafen()
        service.name_servers_outlive = goes_on(server.by_hand)
        for one in watching:
            one.cancel()
    logger.info("service.stopped")


def serve(settings: Settings, *, stop_name_servers: bool = False) -> int:
    """Run the service; the exit code of the process."""
    HANGUPS.catch()
    log.configure(level=settings.log_level, fmt=settings.log_format, timezone=settings.timezone)
    for note in settings.notes:
        structlog.get_logger().warning("config.noted", key=note.path, reason=str(note))
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
        goes_on = outliving(settings, stop_all=stop_name_servers)
        return run_to_its_end(_serve(settings, sockets, certificate, goes_on))


def run_to_its_end(serving: Coroutine[object, object, None]) -> int:
    """Run until it returns; the exit code of the process. Why it failed stands in the log."""
    try:
        # asyncio's own loop: uvloop acknowledges 15 % more, but raises RuntimeError where asyncio only notes that a
        # connection is gone, in every library that writes to one (the control channel of a name server that died).
        asyncio.run(serving)
    except (DirectDNSOnlyError, BaseExceptionGroup) as error:
        reasons = leaves(error) if isinstance(error, BaseExceptionGroup) else [str(error)]
        structlog.get_logger().critical("service.failed", reason="; ".join(reasons))
        return EXIT_FAILED
    return EXIT_OK
