"""The receiving side as a running service on a free port, for tests that speak to it over raw sockets.

`running_receiver` is the one place that knows how the parts are put together: the conformance tests take a `Service`
and ask nothing else, so that the real composition can stand here as well.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import uvicorn
from fastapi import FastAPI

from directdnsonly.clock import SystemClock
from directdnsonly.outbox.records import Event, Priority, Refused, ZoneSummary
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import SqliteStore, open_store
from directdnsonly.receive.accept import Acceptance, Policy
from directdnsonly.receive.access import Access, Secret, secrets_of
from directdnsonly.receive.parsing import ZoneParser
from directdnsonly.receive.routes import Door, Limits, install_error_handlers, router
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.support.wire import DirectAdmin

T = TypeVar("T")
START_LIMIT_S = 10.0
PASSWORDS = {"h1": "first-secret", "h2": "second-secret"}


class Look(Protocol):
    """What the tests look up in the store."""

    async def zone(self, name: ZoneName) -> ZoneSummary | None: ...
    async def text(self, name: ZoneName, version: int | None = None) -> str | None: ...
    async def count_zones(self) -> int: ...
    async def refused(self, *, limit: int = 100) -> list[Refused]: ...
    async def events(self, *, limit: int = 100, zone: str = "") -> list[Event]: ...


@dataclass(frozen=True)
class Service:
    """A running service: where it listens, who may push, and a window into its store."""

    host: str
    port: int
    passwords: Mapping[str, str]
    store: Look
    loop: asyncio.AbstractEventLoop
    woken: list[Priority]  # what the lanes were told after each commit
    writes: Callable[[], int]  # how often something was written to the store

    def master(self, user: str = "h1", *, version: str = "1.0", hostname: str = "s1.host.example") -> DirectAdmin:
        """A DirectAdmin server that pushes with this credential."""
        return DirectAdmin(self.host, self.port, user, self.passwords[user], version, hostname)

    def look(self, question: Coroutine[Any, Any, T]) -> T:
        """Ask the store something, on the loop that it lives on."""
        return asyncio.run_coroutine_threadsafe(question, self.loop).result(timeout=10)

    def zone(self, name: str) -> ZoneSummary | None:
        """The newest version of a zone, or its tombstone."""
        return self.look(self.store.zone(ZoneName.parse(name)))

    def newest(self, name: str) -> ZoneSummary:
        """The same, of a zone that must be known."""
        found = self.zone(name)
        assert found is not None, f"{name} was never recorded"
        return found

    def text(self, name: str) -> str | None:
        """The normalised text that name servers are given."""
        return self.look(self.store.text(ZoneName.parse(name)))

    def refused(self) -> list[Refused]:
        """Refused pushes, newest first."""
        return self.look(self.store.refused())

    def events(self, zone: str = "") -> list[str]:
        """Names of the audit's events, newest first."""
        return [event.event for event in self.look(self.store.events(zone=zone))]


@contextmanager
def running_receiver(
    *,
    check_subdomain_owner: bool = True,
    takeover: Literal["transfer", "reject"] = "transfer",
    max_body_bytes: int = 16 * 1024 * 1024,
    body_timeout_s: float = 20.0,
    request_timeout_s: float = 20.0,
    also: Sequence[Secret] = (),
    max_zones: Mapping[str, int] | None = None,
) -> Iterator[Service]:
    """The door in front of the real store, in a real uvicorn; no backend drains it."""
    woken: list[Priority] = []
    made: list[SqliteStore] = []

    @asynccontextmanager
    async def make_app() -> AsyncIterator[FastAPI]:
        clock = SystemClock()
        with tempfile.TemporaryDirectory() as folder:
            settings = OutboxSettings(disk_reserve_mb=0)
            async with open_store(Path(folder), settings=settings, clock=clock, backends=["one"]) as store:
                await store.adopt_backends(["one"])
                await store.count_limited(list(max_zones or {}))
                made.append(store)
                acceptance = Acceptance(
                    store=store,
                    parser=ZoneParser(parse),
                    clock=clock,
                    notify=lambda receipt: woken.append(receipt.priority),
                    policy=Policy(
                        check_subdomain_owner=check_subdomain_owner,
                        takeover=takeover,
                        request_timeout_s=request_timeout_s,
                        max_zones=max_zones or {},
                    ),
                )
                app = FastAPI(redirect_slashes=False, openapi_url=None)
                limits = Limits(max_body_bytes=max_body_bytes, body_timeout_s=body_timeout_s)
                door = Door(acceptance, Access([*secrets_of(PASSWORDS), *also], clock=clock), limits)
                app.include_router(router(door))
                install_error_handlers(app)
                try:
                    yield app
                finally:
                    await acceptance.aclose()

    with serving(make_app) as (host, port, loop):
        (store,) = made

        def writes() -> int:
            return store.commits.writes

        yield Service(host, port, PASSWORDS, store, loop, woken, writes)


@contextmanager
def serving(
    make_app: Callable[[], AbstractAsyncContextManager[FastAPI]],
) -> Iterator[tuple[str, int, asyncio.AbstractEventLoop]]:
    """The app in uvicorn (httptools) on a free port of 127.0.0.1, in a thread with its own loop."""
    listening = socket.create_server(("127.0.0.1", 0))
    host, port = listening.getsockname()
    loops: list[asyncio.AbstractEventLoop] = []
    servers: list[uvicorn.Server] = []

    async def serve() -> None:
        async with make_app() as app:
            config = uvicorn.Config(
                app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False, loop="asyncio"
            )
            loops.append(asyncio.get_running_loop())
            servers.append(uvicorn.Server(config))
            await servers[0].serve(sockets=[listening])

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="service", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_LIMIT_S
    while not (servers and servers[0].started):
        assert thread.is_alive(), "the service ended while it started"
        assert time.monotonic() < deadline, "the service did not start in time"
        time.sleep(0.005)
    try:
        yield host, port, loops[0]
    finally:
        servers[0].should_exit = True
        thread.join(START_LIMIT_S)
        listening.close()
        assert not thread.is_alive(), "the service did not stop in time"
