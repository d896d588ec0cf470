"""Whole instances side by side in one process, as they ship but for name servers: each may be another one's peer."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
from bench.service import free_port
from pydantic import SecretStr

from directdnsonly.app import http_server
from directdnsonly.config import Settings
from directdnsonly.door.server import Server, listen
from directdnsonly.door.settings import AppSettings, CredentialSettings
from directdnsonly.door.tls import Certificate
from directdnsonly.outbox.changes import NewVersion
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.peers.settings import PeeringSettings, PeerSettings
from directdnsonly.peers.standing import PeerState, PeerStatus
from directdnsonly.service import Service, running
from directdnsonly.zone.name import ZoneName
from tests.support.made import H1
from tests.support.service import serving

USER, PASSWORD = "h1", "first-secret"
LONGEST_S = 120.0  # of a machine that is busy with other things


class Instance:
    """One of them. `stop` and `start` keep its store."""

    def __init__(self, name: str, folder: Path, *, port: int | None = None, interval_s: float = 1.0) -> None:
        self.name, self.folder, self.interval_s = name, folder, interval_s
        self.port = port or free_port()
        self.peers: list[Instance] = []
        self.password = PASSWORD  # that its peers know
        self.pair: tuple[Path, Path] | None = None  # certificate and key of its door
        self.trust: dict[str, Any] = {}  # by what its peers know its certificate
        self.app: dict[str, Any] = {}  # settings of its door
        self._stack = ExitStack()
        self.service: Service | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.pair else 'http'}://127.0.0.1:{self.port}"

    def asked_as(self, name: str = "") -> PeerSettings:
        """As another one is told of it."""
        return PeerSettings(
            name=name or self.name, url=self.url, username="peersync", password=SecretStr(self.password), **self.trust
        )

    def settings(self) -> Settings:
        app = AppSettings(
            auth_username=USER,
            auth_password=SecretStr(PASSWORD),
            credentials=(CredentialSettings(name="peersync", password=SecretStr(PASSWORD), roles=("peer",)),),
            listen_host="127.0.0.1",
            listen_port=self.port,
            **self.app,
        )
        return Settings(
            app=app,
            outbox=OutboxSettings(disk_reserve_mb=0),
            data_dir=self.folder / self.name,
            peers=[one.asked_as() for one in self.peers],
            peering=PeeringSettings(interval_s=self.interval_s, timeout_s=20),
        )

    def start(self) -> Instance:
        settings = self.settings()
        certificate = Certificate(*self.pair) if self.pair else None

        @asynccontextmanager
        async def made() -> AsyncIterator[Server]:
            async with running(settings) as service:
                self.service = service
                yield http_server(service, certificate)

        self.loop = self._stack.enter_context(serving(made, listen(settings.app)))
        return self

    def stop(self) -> None:
        self.service = None
        self._stack.close()
        self._stack = ExitStack()

    def look(self, question: Any) -> Any:
        """Ask it something on its own loop."""
        return asyncio.run_coroutine_threadsafe(question, self.loop).result(timeout=LONGEST_S)

    def record(self, change: Any) -> Any:
        """As a push or delete that DirectAdmin sent."""
        assert self.service is not None
        recording = self.service.store.recording
        act = recording.record_push if isinstance(change, NewVersion) else recording.record_delete
        return self.look(act(change))

    def put(self, zone: str, serial: int, content: str = "", owner: Any = H1) -> None:
        """By DirectAdmin's pushes of that server, through its own door."""
        body = (
            f"$TTL 3600\n@ IN SOA ns1.host.example. hostmaster.host.example. {serial} 3600 3600 1209600 86400\n"
            f'@ IN NS ns1.host.example.\nwww IN TXT "{content or f"v{serial}"}"\n'
        )
        assert self.service is not None
        self.look(self.service.acceptance.push(zone, body.encode(), owner=owner))

    def delete(self, zone: str, owner: Any = H1) -> None:
        assert self.service is not None
        self.look(self.service.acceptance.delete(zone, owner=owner))

    def status(self, peer: str) -> PeerStatus:
        assert self.service is not None
        (found,) = [one for one in self.service.neighbours.statuses() if one.name == peer]
        return found

    def until(self, peer: str, *states: PeerState) -> PeerStatus:
        """Wait until it stands so with a peer, by an exchange that began from now on."""
        assert self.service is not None
        began = self.service.clock.now_s()

        def stands() -> bool:
            found = self.status(peer)
            return found.state in states and (found.asked_at or 0) >= began and found.progress is None

        wait_for(stands)
        return self.status(peer)

    def zones(self) -> dict[str, tuple[str, int, str | None]]:
        """Of each living zone: its id, serial and text."""
        assert self.service is not None
        looking = self.service.store.looking

        async def all_of() -> dict[str, tuple[str, int, str | None]]:
            return {
                str(zone.name): (zone.stated, zone.serial, await looking.text(ZoneName.parse(zone.name)))
                for zone in await looking.zones(limit=100_000)
            }

        found: dict[str, tuple[str, int, str | None]] = self.look(all_of())
        return found

    def events(self, *names: str) -> list[str]:
        """Of these names, oldest first, with their details."""
        assert self.service is not None
        told = self.look(self.service.store.looking.events(limit=1000))
        return [f"{one.event} {one.detail}" for one in reversed(told) if one.event in names]

    def api(self, method: str, path: str, **more: Any) -> httpx.Response:
        return httpx.request(
            method, f"{self.url}/api/v1{path}", auth=(USER, PASSWORD), timeout=60, trust_env=False, **more
        )


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONGEST_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.02)


def equal(*instances: Instance) -> bool:
    """Whether all hold the same, tombstones too."""
    digests = set()
    for one in instances:
        assert one.service is not None
        summary = one.look(one.service.store.peering.summary())
        digests.add(summary.digests if summary.ready else one.name)
    return len(digests) == 1


@contextmanager
def instances(*names: str, interval_s: float = 1.0) -> Iterator[list[Instance]]:
    """Each the peer of all others; none is started."""
    with tempfile.TemporaryDirectory() as folder:
        made = [Instance(name, Path(folder), interval_s=interval_s) for name in names]
        for one in made:
            one.peers = [other for other in made if other is not one]
        try:
            yield made
        finally:
            for one in made:
                one.stop()
