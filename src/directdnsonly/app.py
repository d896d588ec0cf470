"""The HTTP side of the service, and the process: from settings to the exit code."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Coroutine
from zoneinfo import ZoneInfo

import structlog
from fastapi import Depends, FastAPI, HTTPException, Request
from starlette.types import ASGIApp

from directdnsonly import __version__, log
from directdnsonly.accept.acceptance import Acceptance, Policy
from directdnsonly.accept.approvals import Approvals
from directdnsonly.accept.parsing import ZoneParser
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
from directdnsonly.api.audit import Auditor
from directdnsonly.api.guard import Guard, principal_of
from directdnsonly.api.parts import ApiParts, DaemonState
from directdnsonly.api.paths import KeepSlashes
from directdnsonly.api.query import only_known
from directdnsonly.config import Settings
from directdnsonly.door.bodies import Bodies
from directdnsonly.door.forwarded import BehindProxies
from directdnsonly.door.server import Server, keep_what_is_there, listen, make_server
from directdnsonly.door.settings import as_networks, known_secrets
from directdnsonly.door.tls import Certificate
from directdnsonly.errors import DirectDNSOnlyError
from directdnsonly.outbox.records import Event
from directdnsonly.receive import routes as receive_routes
from directdnsonly.reconcile.lookout import Lookout
from directdnsonly.service import Service, leaves, most_zones, running
from directdnsonly.web import pages, refusals, rendering
from directdnsonly.wiring import ManualPushes, heard_here_only, places_of, web_parts
from directdnsonly.wording import counted
from directdnsonly.zone.text import parse

CHALLENGE = {"WWW-Authenticate": 'Basic realm="DirectDNSOnly", charset="UTF-8"'}
EXIT_OK, EXIT_FAILED = 0, 1


def build_api(service: Service, certificate: Certificate | None = None) -> ASGIApp:
    """The HTTP side of a running service; `certificate`: that of its door."""
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
        on_trouble=service.changed.ring,
        policy=Policy(
            check_subdomain_owner=settings.check_subdomain_owner_in_cluster_domainowners,
            takeover=settings.takeover,
            hold_losses=settings.hold_losses,
            request_timeout_s=settings.request_timeout_s,
            max_zones=most_zones(service.settings),
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
        lost=acceptance.lost,
        pushes=ManualPushes(acceptance, {one.name: one.hostname for one in settings.credentials if one.hostname}),
        wake=service.dispatcher.wake,
        authenticate=authenticate,
        lanes=lambda: {name: lane.status() for name, lane in service.dispatcher.lanes.items()},
        daemons=lambda: {
            name: DaemonState(state=str(daemon.status.phase), since=daemon.status.since, reason=daemon.status.reason)
            for name, daemon in service.daemons.items()
        },
        alarms=lambda: [f"{one.kind} {one.subject}: {one.reason}" for one in service.reconciler.alarms()],
        heard_here_only=heard_here_only(service.settings),
        configured=frozenset(service.settings.dns.backends),
        certificate_ends_at=lambda: certificate.ends_at if certificate else None,
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
        description=schema.DESCRIPTION,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=lambda route: route.name,  # the name of its function: `list_zones`
    )
    limits = receive_routes.Limits(max_body_bytes=settings.max_body_bytes, body_timeout_s=settings.body_timeout_s)
    door = receive_routes.Door(acceptance, access, limits, bodies)
    explainer = explain.Explainer(
        parts,
        lambda: service.dispatcher.lanes,
        Lookout(service.settings.reconciliation),
        ZoneInfo(service.settings.timezone),
    )
    approvals = Approvals(store=service.store, acceptance=acceptance, clock=service.clock)
    readiness = service.readiness = health.Readiness(parts, service.changed)
    for routes in (
        backends.router(parts, lambda: service.dispatcher.lanes, audit),
        served.router(parts, lambda: service.dispatcher.lanes),
        explain.router(explainer),
        reconcile_routes.router(service.reconciler, authenticate),
        approval_routes.router(approvals, authenticate),
        outbox_routes.router(parts),
        history.router(parts),
        pins.router(parts),
        api_routes.router(parts, audit),  # after those above: it takes any path below /zones/
        tokens.router(service.tokens, audit),
        lost.router(parts, audit),
        health.router(parts, readiness),
        original.router(parts, readiness),
        metrics.router(service.metrics, parts, readiness.look),
    ):
        app.include_router(routes, dependencies=[Depends(only_known)])
    app.include_router(docs.router(app, authenticate))
    looked_at = web_parts(parts, readiness, service.reconciler, explainer, service.settings.timezone)
    writer = rendering.Pages(looked_at.timezone)
    app.include_router(pages.router(looked_at, writer))
    for kind, handler in problem.HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(Guard, doorkeeper=access, open_metrics=as_networks(settings.metrics_networks))
    app.add_middleware(KeepSlashes)
    directadmins = receive_routes.router(door, rest=refusals.ForPeople(app, writer))
    schema.complete(app, directadmins)
    return directadmins


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
