"""The HTTP side of the service, and the process: from settings to the exit code."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Coroutine
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
    original,
    pins,
    problem,
    schema,
    served,
    tokens,
)
from directdnsonly.api import outbox as outbox_routes
from directdnsonly.api import reconcile as reconcile_routes
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
from directdnsonly.errors import DirectDNSOnlyError
from directdnsonly.operate.acts import Acts, acts_of
from directdnsonly.operate.explain import Explainer
from directdnsonly.operate.looking import Readiness
from directdnsonly.operate.running import Running
from directdnsonly.receive import routes as receive_routes
from directdnsonly.reconcile.lookout import Lookout
from directdnsonly.service import Service, leaves, running
from directdnsonly.web import pages, refusals, rendering
from directdnsonly.web.parts import WebParts
from directdnsonly.wiring import heard_here_only, places_of
from directdnsonly.wording import counted

EXIT_OK, EXIT_FAILED = 0, 1


def build_api(service: Service, certificate: Certificate | None = None) -> ASGIApp:
    """The HTTP side of a running service; `certificate`: that of its door."""
    settings = service.settings.app
    bodies = Bodies(largest_bytes=settings.max_body_bytes)
    access = _access(service)
    looked = _running(service, certificate)
    timezone = ZoneInfo(service.settings.timezone)
    explainer = Explainer(looked, Lookout(service.settings.reconciliation), timezone)
    readiness = service.readiness = Readiness(looked, service.changed)
    parts = ApiParts(
        looking=service.store.looking,
        acts=_acts(service),
        running=looked,
        asks=operator_of,
        max_body_bytes=settings.max_body_bytes,
        bodies=bodies,
        body_timeout_s=settings.body_timeout_s,
    )
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
    limits = receive_routes.Limits(max_body_bytes=settings.max_body_bytes, body_timeout_s=settings.body_timeout_s)
    door = receive_routes.Door(service.acceptance, access, limits, bodies)
    for routes in (
        backends.router(parts),
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
    app.add_middleware(Guard, doorkeeper=access, open_metrics=as_networks(settings.metrics_networks))
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


def _running(service: Service, certificate: Certificate | None) -> Running:
    return Running(
        store=service.store,
        clock=service.clock,
        started_at=service.started_at,
        lanes=service.dispatcher.lanes,
        lost=service.acceptance.lost,
        daemons=service.daemons,
        alarms=service.reconciler.alarms,
        configured=frozenset(service.settings.dns.backends),
        heard_here_only=heard_here_only(service.settings),
        certificate_ends_at=lambda: certificate.ends_at if certificate else None,
        lost_actors=service.lost_actors,
        pushes_so_far=service.metrics.pushes_so_far,
    )


def _acts(service: Service) -> Acts:
    bound = {one.name: one.hostname for one in service.settings.app.credentials if one.hostname}
    return acts_of(
        store=service.store,
        clock=service.clock,
        journal=service.journal,
        acceptance=service.acceptance,
        reconciler=service.reconciler,
        lanes=service.dispatcher.lanes,
        wake=service.dispatcher.wake,
        tokens=service.tokens,
        configured=frozenset(service.settings.dns.backends),
        hostnames=bound,
    )


def http_server(service: Service, certificate: Certificate | None = None) -> Server:
    """All of the HTTP side as it ships: our protocol class, the proxies in front, the door, the guard, the routes."""
    settings = service.settings.app
    app = BehindProxies(build_api(service, certificate), settings.trusted_proxies)
    return make_server(app, settings, certificate=certificate)


async def _serve(settings: Settings, sockets: list[socket.socket], certificate: Certificate | None) -> None:
    """Until a signal comes or an actor fails."""
    logger = structlog.get_logger()
    async with running(settings) as service, asyncio.TaskGroup() as group:
        server = http_server(service, certificate)
        keep_what_is_there()
        watching = [group.create_task(certificate.watch(), name="tls")] if certificate else []
        if service.readiness is not None:
            watching.append(group.create_task(service.readiness.watch(), name="readiness"))
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
        for one in watching:
            one.cancel()
    logger.info("service.stopped")


def serve(settings: Settings) -> int:
    """Run the service; the exit code of the process."""
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
        return run_to_its_end(_serve(settings, sockets, certificate))


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
