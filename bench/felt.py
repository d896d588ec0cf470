"""What resolvers feel of us: questions to zones that nobody touches, beside changes, new zones, restarts and reloads.

dnsperf asks 1,500 a second from 20 source ports (a name server that listens by SO_REUSEPORT gives one source port to one
socket: with a single one all questions or none would be felt). `lost`: no answer within 2 s. `x alone`: the average answer
against that of the same questions alone, just before. `busy`: four processes that only count keep the cores busy as well.

The service has a session of its own, as a service manager gives it one, and so has dnsperf, which stands for other machines:
the kernel shares the cores between sessions first, and dnsperf's own waiting for a core is no resolver's.
"""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from bench.load import drive, percentile, rawsave, zone_text
from bench.service import DADNS, Service

SERIAL = 2026010100
A_SECOND = 1500
PORTS = 20
PATIENCE_S = 2
SERVERS = ("bind", "nsd", "knot")
CLIENTS = 16
_ANSWERED = re.compile(r"^> ([A-Z]+) \S+ \S+ ([0-9.]+)$")
_SENT = re.compile(r"Queries sent:\s+(\d+)")
_LOST = re.compile(r"Queries lost:\s+(\d+)")
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Felt:
    """What came back: questions sent and lost, answers that were errors, seconds of each answer."""

    sent: int
    lost: int
    errors: int
    seconds: list[float]

    @property
    def average_ms(self) -> float:
        return sum(self.seconds) / max(len(self.seconds), 1) * 1e3


class AsAService(Service):
    """In a session of its own."""

    program = ("setsid", DADNS, "serve")


def felt(quick: bool) -> list[Row]:
    """Each bundled name server in turn: alone, beside each kind of work, and the same while the cores are busy."""
    rows: list[Row] = []
    for server in SERVERS:
        rows += _of_one(server, present=300 if quick else 3000, seconds=3 if quick else 10)
    return rows


def _of_one(server: str, *, present: int, seconds: int) -> list[Row]:
    with AsAService(backend=server) as service:
        names = [f"present{number}.example" for number in range(present)]
        _push(service, names, SERIAL)
        _settled(service)
        rows = []
        for busy in (0, 4):
            with hogs(busy) if busy else nullcontext():
                rows += _beside(service, server, names, seconds, busy)
        return rows


def _beside(service: Service, server: str, names: Sequence[str], seconds: int, busy: int) -> list[Row]:
    alone = ask(service.dns_port, names, seconds, lambda: None)
    rows = [_row(server, "alone", busy, alone, alone)]
    for what, work in _works(service, names, seconds, busy).items():
        before = ask(service.dns_port, names, max(seconds // 3, 2), lambda: None)
        rows.append(_row(server, what, busy, ask(service.dns_port, names, seconds, work), before))
        _settled(service)
    return rows


def _works(service: Service, names: Sequence[str], seconds: int, busy: int) -> dict[str, Callable[[], object]]:
    changed = names[::3]
    return {
        "changes": lambda: _as_fast_as_it_goes(service, changed, seconds, SERIAL + 1 + busy),
        "new zones": lambda: _as_fast_as_it_goes(service, (), seconds, SERIAL, prefix=f"new{busy}-"),
        "restart": lambda: _restart(service),
        "kill -9 and start": lambda: _restart(service, by_force=True),
    }


def ask(port: int, names: Sequence[str], seconds: int, work: Callable[[], object]) -> Felt:
    """Questions for so many seconds while `work` is done; longer when it takes longer, never shorter."""
    with tempfile.TemporaryDirectory(prefix="dadns-felt-") as folder:
        questions = Path(folder) / "questions"
        questions.write_text("".join(f"www.{name} A\n" for name in names))
        told = Path(folder) / "told"
        asking = _dnsperf(port, questions)
        with told.open("w") as out, subprocess.Popen(asking, stdout=out, stderr=out, start_new_session=True) as process:
            until = time.monotonic() + seconds
            time.sleep(0.5)
            work()
            time.sleep(max(until - time.monotonic(), 0.5))
            process.send_signal(signal.SIGINT)  # it tells its sums
            process.wait(timeout=PATIENCE_S + 30)
        return read(told.read_text())


def _dnsperf(port: int, questions: Path) -> list[str]:
    place = ["-s", "127.0.0.1", "-p", str(port), "-d", str(questions), "-c", str(PORTS), "-Q", str(A_SECOND)]
    return ["dnsperf", *place, "-q", "10000", "-t", str(PATIENCE_S), "-l", "600", "-v"]


def read(told: str) -> Felt:
    """From what dnsperf -v says. Raises ValueError when it did not end as it should."""
    answers = [found for line in told.splitlines() if (found := _ANSWERED.match(line))]
    sent, lost = _SENT.search(told), _LOST.search(told)
    if not sent or not lost:
        raise ValueError(f"dnsperf said no sums: {told[-500:]}")
    errors = sum(found[1] != "NOERROR" for found in answers)
    return Felt(sent=int(sent[1]), lost=int(lost[1]), errors=errors, seconds=[float(found[2]) for found in answers])


def _row(server: str, work: str, busy: int, seen: Felt, alone: Felt) -> Row:
    return {
        "server": server,
        "beside": work + (f", {busy} busy" if busy else ""),
        "asked": seen.sent,
        "lost": seen.lost,
        "errors": seen.errors,
        "average ms": round(seen.average_ms, 3),
        "x alone": round(seen.average_ms / max(alone.average_ms, 1e-6), 1),
        "p99 ms": round(percentile(seen.seconds, 0.99) * 1e3, 2),
        "max ms": round(max(seen.seconds) * 1e3, 1),
    }


def _push(service: Service, names: Sequence[str], serial: int) -> None:
    requests = (rawsave(name, zone_text(name, serial), keep_alive=True) for name in names)
    asyncio.run(drive(service.port, requests, clients=CLIENTS, keep_alive=True))


def _as_fast_as_it_goes(service: Service, names: Sequence[str], seconds: int, serial: int, *, prefix: str = "") -> None:
    """The same zones again and again, or new ones, until the time is over."""
    until = time.monotonic() + seconds

    def requests() -> Iterator[bytes]:
        number = 0
        while time.monotonic() < until:
            name = f"{prefix}{number}.example" if prefix else names[number % len(names)]
            newer = serial + number // len(names) * 10 if names else serial
            yield rawsave(name, zone_text(name, newer), keep_alive=True)
            number += 1

    asyncio.run(drive(service.port, requests(), clients=CLIENTS, keep_alive=True))


def _restart(service: Service, *, by_force: bool = False) -> None:
    if by_force:
        service.kill()
    else:
        service.stop()
    service.start()


def _settled(service: Service, limit_s: float = 600.0) -> None:
    """Nothing waits for the name server any more."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        backends = service.status()["backends"]
        if isinstance(backends, list) and not any(row["pending"] or row["leased"] for row in backends):
            return
        time.sleep(0.2)
    raise RuntimeError("the outbox did not become empty")


# Ends with whoever started it, however that ended: a benchmark that is killed leaves no busy processes behind.
HOG = "import os\nours = os.getppid()\nwhile os.getppid() == ours: pass"


@contextmanager
def hogs(number: int) -> Iterator[None]:
    """So many processes that only count, in sessions of their own, as other programs of the machine are."""
    with ExitStack() as stack:
        for _ in range(number):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", HOG], start_new_session=True))
            stack.callback(process.kill)
        yield
