"""What those cost who only want places: 1,500 refused connections that stay, and 1,500 long polls, beside pushes.

The client pushes as DirectAdmin does, each push by a connection of its own, so each needs a place. All come from one
address, as behind one NAT. Those who want places are a process of their own that yields to all others (nice 19); who is
turned out comes again after a second. `lost`: pushes that were reset or not answered error=0; there must be none.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import resource
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bench.load import AUTH, PASSWORD, USER, percentile, push_blocking, rawsave, zone_text
from bench.service import Service

SERIAL = 2026010100
PEOPLE = 1500
AGAIN_S = 1.0
TOLD_WITHIN_S = 3.0
STAYS_S = 6.0
READER = {"name": "reader", "password": "only-looks", "roles": ["read"]}
ENVIRON = {"DADNS_APP_CREDENTIALS": json.dumps([READER])}
KINDS = ("refused", "polls")
Row = dict[str, object]


def places(quick: bool) -> list[Row]:
    """Pushes alone, beside refused connections, and beside long polls."""
    pushes = 200 if quick else 2000
    with Service(environ=ENVIRON) as service, service.paused():
        change = a_change_that_waits(service)
        _push(service.port, 100)  # warm
        alone, _ = _push(service.port, pushes)
        rows: list[Row] = []
        for kind in KINDS:
            rss = service.rss_mb()
            with wanting(service.port, kind, change) as asked:
                times, lost = _push(service.port, pushes)
            told = json.loads(asked[0])
            rows.append(
                _row(f"beside {PEOPLE} {kind}", times, lost, alone)
                | {"their answers": told, "RSS MiB more": round(service.rss_mb() - rss, 1)}
            )
        more, lost = _push(service.port, pushes)  # before and after: a machine's pace changes
    return [_row("alone", alone + more, lost), *rows]


def a_change_that_waits(service: Service) -> str:
    """A change that is not done as long as nothing is delivered."""
    request = urllib.request.Request(
        f"{service.url}/api/v1/zones/waits.example", zone_text("waits.example", SERIAL), method="PUT"
    )
    request.add_header("Authorization", f"Basic {AUTH}")
    request.add_header("Content-Type", "text/dns")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["change_id"])


@contextmanager
def wanting(port: int, kind: str, change: str = "", people: int = PEOPLE) -> Iterator[list[str]]:
    """While the block runs so many want places; it begins when all have tried. What they were told is in the list then."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.places", kind, str(port), str(people), change],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "all have tried\n":
                raise RuntimeError("they ended before they began")
            told: list[str] = []
            yield told
            process.stdin.close()
            told.append(process.stdout.read())
        finally:
            process.kill()


def _push(port: int, count: int) -> tuple[list[float], int]:
    """Seconds of each push, and how many were lost."""
    times, lost = [], 0
    for number in range(count):
        name = f"placed{number % 50}.example"
        try:
            times.append(push_blocking(port, rawsave(name, zone_text(name, SERIAL + number))))
        except (OSError, RuntimeError):
            lost += 1
        time.sleep(0.005)
    return times, lost


def _row(what: str, times: list[float], lost: int, alone: list[float] | None = None) -> Row:
    row: Row = {"pushes": what, "count": len(times) + lost, "lost": lost}
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        row[f"{name} ms"] = round(percentile(times, share) * 1e3, 2)
        if alone is not None:
            row[f"{name} of alone"] = round(percentile(times, share) / percentile(alone, share), 2)
    return row


# -- those who want places, in a process of their own


class _Person(asyncio.Protocol):
    """One connection that asks, stays as long as it may, and never closes its side."""

    def __init__(self, question: bytes, told: Counter[str]) -> None:
        self._question, self._told = question, told
        self._transport: asyncio.Transport | None = None
        self.gone = asyncio.get_running_loop().create_future()
        self.told = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._question)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 "):
            self._told[data[9:12].decode()] += 1
            self.told.set()
            if data[9:12] == b"200":
                asyncio.get_running_loop().call_later(AGAIN_S, self._ask)

    def eof_received(self) -> bool:
        """It stays after its refusal, longer than it is waited for; who got none is turned out, and comes again."""
        assert self._transport is not None
        asyncio.get_running_loop().call_later(STAYS_S if self.told.is_set() else 0.0, self._transport.close)
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._told["reset" if error else "closed"] += 1
        self.told.set()
        self.gone.set_result(None)


def _questions(kind: str, change: str) -> list[bytes]:
    if kind == "polls":
        who = base64.b64encode(f"{READER['name']}:{READER['password']}".encode()).decode()
        return [f"GET /api/v1/changes/{change}?wait=60 HTTP/1.1\r\nAuthorization: Basic {who}\r\n\r\n".encode()]
    wrong = base64.b64encode(f"{USER}:not-{PASSWORD}".encode()).decode()
    head = "POST /CMD_API_DNS_ADMIN HTTP/1.1\r\nContent-Length: 100000\r\n"  # which never come
    return [f"{head}\r\n".encode(), f"{head}Authorization: Basic {wrong}\r\n\r\n".encode()]


async def _want(kind: str, port: int, people: int, change: str) -> None:
    os.nice(19)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    questions, told, tried = _questions(kind, change), Counter[str](), 0
    all_have_tried, loop = asyncio.Event(), asyncio.get_running_loop()

    async def person(question: bytes) -> None:
        nonlocal tried
        first = True
        while True:
            try:
                _, one = await loop.create_connection(lambda: _Person(question, told), "127.0.0.1", port)
            except OSError:
                told["not let in"] += 1
            else:
                if first:
                    with contextlib.suppress(TimeoutError):  # a long poll that has its place is told nothing
                        await asyncio.wait_for(one.told.wait(), TOLD_WITHIN_S)
                    tried, first = tried + 1, False
                    if tried == people:
                        all_have_tried.set()
                await one.gone
            await asyncio.sleep(AGAIN_S)

    crowd = [asyncio.ensure_future(person(questions[number % len(questions)])) for number in range(people)]
    await all_have_tried.wait()
    print("all have tried", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps(told), flush=True)
    for one in crowd:
        one.cancel()


if __name__ == "__main__":
    asyncio.run(_want(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
