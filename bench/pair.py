"""Two instances of the shipped command, one of them the other one's peer, and the wire between them.

`there` holds what is newer, `here` asks it. `there` asks too, but only once: nobody else's questions stand beside those
that are counted.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.load import AUTH, rawsave, zone_text
from bench.service import MANAGED, UNCHECKED, Service
from directdnsonly.clock import SystemClock
from directdnsonly.outbox.changes import NewVersion, Origin, Owner, Source
from directdnsonly.outbox.operators import Pause
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import open_store
from directdnsonly.zone import text
from directdnsonly.zone.name import ZoneName

SERIAL = 2026010100
SELDOM_S = 86_400
LONGEST_S = 900.0
WORD = "only-peers-know-this"
CREDENTIAL = {"name": "peersync", "password": WORD, "roles": ["peer"]}
MARK = "# peers from here\n"
AT_ONCE = 64


class Accepting(Service):
    """Its backend may be paused: it is there when it takes pushes."""

    def start(self, *, until: str = "accepting") -> float:
        return super().start(until=until)


class Pair:
    """Use as a context manager; `prepare` is done to the folder of each before it starts. `scheme`: of both doors."""

    def __init__(
        self, *, backends: str = MANAGED, scheme: str = "http", prepare: Callable[[Path], object] | None = None
    ):
        self._stack = ExitStack()
        self.intervals: dict[int, float] = {}  # of those that run, by their pid
        self._prepare = prepare or (lambda _folder: None)
        self.fingerprint, tls = "", dict[str, str]()
        if scheme == "https":
            self.fingerprint, tls = certificate(Path(self._stack.enter_context(tempfile.TemporaryDirectory())))
        environ = {"DADNS_APP_CREDENTIALS": json.dumps([CREDENTIAL]), **tls}
        kind = Accepting if prepare else Service
        self.here, self.there = (
            kind(extra=MARK, log_level="INFO", backends=backends, scheme=scheme, environ=environ) for _ in range(2)
        )

    def __enter__(self) -> Pair:
        with self._stack:
            for one in (self.there, self.here):
                self._prepare(one.folder)
                self._stack.enter_context(one)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def introduce(self, service: Service, port: int, *, interval_s: float) -> None:
        """From now on `service` asks the one at this port so often: by a reload."""
        url = f"{self.here.url.rpartition(':')[0]}:{port}"
        peer = {"name": "other", "url": url, "username": "peersync", "password": WORD}
        if self.fingerprint:
            peer["fingerprint"] = self.fingerprint
        config = service.folder / "app.yml"
        before, _, _ = config.read_text().partition(MARK)
        config.write_text(f"{before}{MARK}peers: {json.dumps([peer])}\npeering: {{interval_s: {interval_s}}}\n")
        self.intervals[service.pid] = interval_s
        os.kill(service.pid, signal.SIGHUP)

    def stand(self, service: Service) -> dict[str, Any]:
        """How it stands with the other one, by /api/v1/peers; empty before the reload came to it."""
        found = asked(service, "/api/v1/peers")["items"]
        return dict(found[0]) if found else {}

    def until_equal(self, service: Service) -> None:
        """Wait until both hold the same, by its last exchange."""
        until(lambda: (stand := self.stand(service)) and stand["state"] == "equal" and not stand["progress"])


def until(condition: Callable[[], Any], pause_s: float = 0.05) -> Any:
    """Wait on a condition; what it gave."""
    end = time.monotonic() + LONGEST_S
    while not (found := condition()):
        if time.monotonic() > end:
            raise RuntimeError("it did not come to that in time")
        time.sleep(pause_s)
    return found


def moment(told: str | None) -> float:
    """Epoch seconds of a time in the API; 0: never."""
    return datetime.fromisoformat(told).timestamp() if told else 0.0


def asked(service: Service, path: str) -> dict[str, Any]:
    """The answer of the API, over whatever the door speaks."""
    request = urllib.request.Request(f"{service.url}{path}", headers={"Authorization": f"Basic {AUTH}"})
    with urllib.request.urlopen(request, timeout=60, context=UNCHECKED) as answer:
        return dict(json.load(answer))


def push(service: Service, names: list[str], serial: int) -> None:
    """One after the other, each by a connection of its own, over whatever the door speaks."""
    for name in names:
        with socket.create_connection(("127.0.0.1", service.port), timeout=60) as plain, spoken(service, plain) as sock:
            sock.sendall(rawsave(name, zone_text(name, serial)))
            answer = b""
            while chunk := sock.recv(65536):
                answer += chunk
        if b"\r\n\r\nerror=0" not in answer:
            raise RuntimeError(f"refused: {answer[-300:]!r}")


@contextmanager
def spoken(service: Service, plain: socket.socket) -> Iterator[socket.socket]:
    """In TLS where the door has it."""
    if service.url.startswith("https"):
        with UNCHECKED.wrap_socket(plain) as sock:
            yield sock
    else:
        yield plain


def certificate(folder: Path) -> tuple[str, dict[str, str]]:
    """A certificate of 90 days: its fingerprint, and the variables that give it to a door."""
    pair = folder / "door.pem", folder / "door.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pair[1], "-out", pair[0]],
        check=True, capture_output=True,
    )  # fmt: skip
    octets = ssl.PEM_cert_to_DER_cert(pair[0].read_text())
    variables = {"DADNS_APP_TLS_CERTIFICATE": str(pair[0]), "DADNS_APP_TLS_KEY": str(pair[1])}
    return hashlib.sha256(octets).hexdigest(), variables


def fill(folder: Path, zones: int) -> None:
    """A store as pushes of so many zones have made it, without the pushes. Its backend is paused."""
    asyncio.run(_fill(folder, zones))


async def _fill(folder: Path, zones: int) -> None:
    owner = Owner(credential="bench", hostname="da1.host.example", username="alice")
    numbers = iter(range(zones))
    async with open_store(
        folder, settings=OutboxSettings(disk_reserve_mb=0), clock=SystemClock(), backends=["bind"]
    ) as store, asyncio.TaskGroup() as group:  # fmt: skip
        await store.operators.pause("bind", Pause(actor="bench", reason="nothing is delivered", at=0))

        async def record() -> None:
            for number in numbers:
                name = f"zone{number}.example"
                zone = text.parse(zone_text(name, SERIAL), ZoneName.parse(name))
                origin = Origin(change_id=f"filled-{number:09d}", source=Source.DIRECTADMIN, owner=owner)
                await store.recording.record_push(NewVersion(zone=zone, origin=origin))

        for _ in range(AT_ONCE):
            group.create_task(record())


@contextmanager
def filled(zones: int) -> Iterator[Callable[[Path], object]]:
    """Puts a store of so many zones into the folder of a service."""
    with tempfile.TemporaryDirectory(prefix="dadns-filled-") as made:
        fill(Path(made), zones)
        yield lambda folder: shutil.copytree(made, folder / "data" / "queues")


class Wire:
    """Between an instance and its peer: passes all on, and counts. Use as a context manager."""

    def __init__(self, port: int) -> None:
        """`port`: of the one who is asked."""
        self.octets = self.connections = self.port = 0
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Wire:
        self._thread.start()
        listening = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._passed, "127.0.0.1", 0), self._loop)
        self._server = listening.result(timeout=30)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for task in (others := asyncio.all_tasks() - {asyncio.current_task()}):
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        answers, questions = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(self._one_way(reader, questions), self._one_way(answers, writer))

    async def _one_way(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                self.octets += len(data)
                sink.write(data)
        except OSError:
            pass
        finally:
            sink.close()

    def until_still(self, before: int, still_s: float) -> None:
        """Wait until more than `before` octets went over it, and then none for so long."""
        until(lambda: self.octets > before)
        seen, since = self.octets, time.monotonic()
        while time.monotonic() - since < still_s:
            time.sleep(0.05)
            if self.octets != seen:
                seen, since = self.octets, time.monotonic()
