"""Composition root: settings in, running service out.

Everything long-lived runs in one TaskGroup (`Service`). An actor that ends unexpectedly ends the process with a
non-zero code and the reason: a half-dead service that still says error=0 is the one thing we never are.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import structlog
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from directdnsonly import __version__, log
from directdnsonly.api import docs, health, problem
from directdnsonly.api import routes as api_routes
from directdnsonly.api.parts import ApiParts, DaemonState, Pushed
from directdnsonly.backends.contract import Backend
from directdnsonly.clock import Clock, SystemClock
from directdnsonly.config import Settings
from directdnsonly.dispatch.dispatcher import Dispatcher
from directdnsonly.dispatch.lane import Lane
from directdnsonly.errors import DirectDNSOnlyError, OutboxTooNew, OutboxUnavailable
from directdnsonly.nameservers import registry as nameservers
from directdnsonly.nameservers.contract import NameServer
from directdnsonly.outbox.records import Owner, Priority, Receipt, Source
from directdnsonly.outbox.sqlite import SqliteStore, open_store
from directdnsonly.receive import routes as receive_routes
from directdnsonly.receive.accept import Acceptance
from directdnsonly.receive.credentials import Credentials
from directdnsonly.verify.verifier import Verifier
from directdnsonly.zone.name import ZoneName

HOUSEKEEPING_EVERY_S = 3600.0
HOUSEKEEPING_PAUSE_S = 0.2  # between steps, so that no push waits for it
GRACE_S = 5  # seconds that requests in flight get at shutdown; the whole exit stays under ten
EXIT_OK, EXIT_FAILED = 0, 1


class ServiceFailed(DirectDNSOnlyError):  # noqa: N818 - reads as a state
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


class Service:
    """All parts of one running service. Made and run by `running`."""

    def __init__(self, settings: Settings, *, clock: Clock, store: SqliteStore) -> None:
        self.settings = settings
        self.clock = clock
        self.store = store
        self.started_at = clock.now_s()
        self.backends: dict[str, Backend] = {}
        self.daemons: dict[str, NameServer] = {}
        for name, backend_settings in settings.enabled_backends().items():
            folder = settings.data_dir
            if getattr(backend_settings, "managed", False):
                self.daemons[name] = nameservers.build(backend_settings, name, folder)
            self.backends[name] = backend_settings.build(name, folder)
        self.dispatcher = Dispatcher(
            [
                Lane(
                    backend=backend,
                    verifier=Verifier(backend.servers, allows_transfer=backend.capabilities.allows_transfer),
                    store=store,
                    settings=settings.dispatch,
                    clock=clock,
                )
                for backend in self.backends.values()
            ]
        )

    async def run(self) -> None:
        """Every actor until cancelled; raises ServiceFailed when one of them ends."""
        try:
            async with asyncio.TaskGroup() as actors:
                for name, daemon in self.daemons.items():
                    actors.create_task(daemon.run(), name=f"nameserver:{name}")
                actors.create_task(self.dispatcher.run(), name="dispatch")
                actors.create_task(self._keep_house(), name="outbox:housekeeping")
        except* Exception as group:
            causes = "; ".join(_leaves(group))
            raise ServiceFailed(causes) from group
        raise ServiceFailed("every actor ended, though none may")

    async def aclose(self) -> None:
        """Release the backends."""
        for backend in self.backends.values():
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
    settings = service.settings
    app_settings = settings.app
    credentials = Credentials({app_settings.auth_username: app_settings.auth_password.get_secret_value()})
    acceptance = Acceptance(
        store=service.store,
        clock=service.clock,
        notify=service.dispatcher.wake,
        check_subdomain_owner=app_settings.check_subdomain_owner_in_cluster_domainowners,
        request_timeout_s=app_settings.request_timeout_s,
    )

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
        authenticate=authenticate,
        lanes=lambda: {name: lane.status() for name, lane in service.dispatcher.lanes.items()},
        daemons=lambda: {
            name: DaemonState(state=str(daemon.status.state), since=daemon.status.since, reason=daemon.status.reason)
            for name, daemon in service.daemons.items()
        },
        clock=service.clock,
        started_at=service.started_at,
        max_body_bytes=app_settings.max_body_bytes,
    )
    return api_of(parts)


def api_of(parts: ApiParts) -> FastAPI:
    raise NotImplementedError
