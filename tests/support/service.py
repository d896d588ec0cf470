"""The receiving side as a running service on a free port, for tests that speak to it over raw sockets.

The composition is the shipped one (`app.http_server` over `service.running`), without name servers behind it.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from bench.service import free_port
from pydantic import SecretStr

from directdnsonly.app import http_server
from directdnsonly.config import Settings
from directdnsonly.dispatch.dispatcher import Dispatcher
from directdnsonly.door.server import Server, listen
from directdnsonly.door.settings import AppSettings, CredentialSettings
from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.kept import Event, Refused, ZoneSummary
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.service import Service as RunningService
from directdnsonly.service import running
from directdnsonly.zone.name import ZoneName
from tests.support.wire import DirectAdmin

T = TypeVar("T")
START_LIMIT_S = 120.0  # of a machine that is busy with other things
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
        return asyncio.run_coroutine_threadsafe(question, self.loop).result(timeout=START_LIMIT_S)

    def zone(self, name: str) -> ZoneSummary | None:
        """The newest version of a zone, or its tombstone."""
        return self.look(self.store.looking.zone(ZoneName.parse(name)))

    def newest(self, name: str) -> ZoneSummary:
        """The same, of a zone that must be known."""
        found = self.zone(name)
        assert found is not None, f"{name} was never recorded"
        return found

    def text(self, name: str) -> str | None:
        """The normalised text that name servers are given."""
        return self.look(self.store.looking.text(ZoneName.parse(name)))

    def refused(self) -> list[Refused]:
        """Refused pushes, newest first."""
        return self.look(self.store.looking.refused())

    def events(self, zone: str = "") -> list[str]:
        """Names of the audit's events, newest first."""
        return [event.event for event in self.look(self.store.looking.events(zone=zone))]


class Listening(Dispatcher):
    """A dispatcher without lanes that keeps what it was told."""

    def __init__(self) -> None:
        super().__init__([])
        self.woken: list[Priority] = []

    def wake(self, priority: Priority, *, begun: Collection[str] = ()) -> None:
        """Keep it."""
        self.woken.append(priority)
        super().wake(priority, begun=begun)


@contextmanager
def running_receiver(**app: Any) -> Iterator[Service]:
    """The whole HTTP side as it ships (`app` overrides settings of that section), in front of a service without backends."""
    second = CredentialSettings(name="h2", password=SecretStr(PASSWORDS["h2"]))
    port = free_port()
    settings = AppSettings(
        auth_username="h1",
        auth_password=SecretStr(PASSWORDS["h1"]),
        credentials=(second,),
        listen_host="127.0.0.1",
        listen_port=port,
        **app,
    )
    made: list[RunningService] = []
    dispatcher = Listening()

    @asynccontextmanager
    async def make_server() -> AsyncIterator[Server]:
        with tempfile.TemporaryDirectory() as folder:
            whole = Settings(app=settings, outbox=OutboxSettings(disk_reserve_mb=0), data_dir=Path(folder))
            async with running(whole) as service:
                service.dispatcher = dispatcher
                made.append(service)
                yield http_server(service)

    with serving(make_server, listen(settings)) as loop:
        store = made[0].store

        def writes() -> int:
            return store.engine.commits.writes

        yield Service("127.0.0.1", port, PASSWORDS, store, loop, dispatcher.woken, writes)


@contextmanager
def serving(
    make_server: Callable[[], AbstractAsyncContextManager[Server]], sockets: list[socket.socket]
) -> Iterator[asyncio.AbstractEventLoop]:
    """A server on these sockets in a thread with its own loop, which is given."""
    loops: list[asyncio.AbstractEventLoop] = []
    servers: list[Server] = []

    async def serve() -> None:
        async with make_server() as server:
            loops.append(asyncio.get_running_loop())
            servers.append(server)
            await server.serve(sockets=sockets)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="service", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_LIMIT_S
    while not (servers and servers[0].started):
        assert thread.is_alive(), "the service ended while it started"
        assert time.monotonic() < deadline, "the service did not start in time"
        time.sleep(0.005)
    try:
        yield loops[0]
    finally:
        servers[0].should_exit = True
        thread.join(START_LIMIT_S)
        for listening in sockets:
            listening.close()
        assert not thread.is_alive(), "the service did not stop in time"
