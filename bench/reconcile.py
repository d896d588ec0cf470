"""The reconciler with 10,000 zones of a DirectAdmin server (the stand-in) on two bundled name servers, BIND and NSD.

First a plan, as `dadns reconcile --plan` prints it, of a set that has drifted; then a pass that finds nothing to heal, and
one after 200 zones were destroyed behind BIND's back; each beside pushes that arrive at fixed times, whose latency is
compared with the same pushes without a pass. The benchmark itself asks BIND for every destroyed zone until it is served.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.terminals import run_on_terminal

from bench.line import SERIAL, ms
from bench.load import HOSTNAME, delete, dns_socket, drive, percentile, push_blocking, rawsave, served_serial, zone_text
from bench.openloop import Target, arrive
from bench.process import Peak, Stopwatch
from bench.scale import run_pass, until_idle
from bench.service import DADNS, Service, free_port

Row = dict[str, object]
ROOT = Path(__file__).parents[1]
PLAN = ROOT / "docs" / "bench" / "reconcile-plan.txt"
DESTROYED, MISSED, GONE = 200, 3, 2
PER_S, SECONDS = 20, 5.0  # arrivals, and the length of one round of them
EXTRA = """\
    nsd:
      type: nsd
      managed: true
      listen: ["127.0.0.1"]
      port: {nsd_port}
reconciliation:
  enabled: true
  initial_delay_minutes: 1000
  stale_after_s: 0
  directadmin_servers:
    - hostname: 127.0.0.1
      port: {da_port}
      username: admin
      password: da-password
      ssl: false
      pushed_as: [{hostname}]
      dns_address: "127.0.0.1#{nsd_port}"
"""


def reconcile(quick: bool) -> list[Row]:
    """See the module."""
    zones = 1000 if quick else 10_000
    nsd_port = free_port()
    with _stand_in(zones + MISSED) as da_port:
        extra = EXTRA.format(nsd_port=nsd_port, da_port=da_port, hostname=HOSTNAME)
        with Service(extra=extra) as service:
            filled_s = _fill(service, zones)
            rows: list[Row] = [
                {"what": "filled by pushes, proven on both", "zones": zones, "seconds": round(filled_s, 1)}
            ]
            victims = Victims(service, range(0, zones // 2, zones // 2 // DESTROYED))
            victims.destroy()
            rows.append(_plan(service, zones, quick=quick))
            pushes = Pushes(service, zones)
            idle = pushes.during(lambda: time.sleep(SECONDS * 3))
            rows.append({"what": "pushes alone, 20/s", "zones": zones, **_latency(idle, idle)})
            rows.append(_pass(service, zones, pushes, idle, victims))
            until_idle(service)
            rows.append(_pass(service, zones, pushes, idle, None))
            return rows


@contextmanager
def _stand_in(zones: int) -> Iterator[int]:
    """A DirectAdmin server of its own process, so that it takes no time of the load's; its port."""
    port = free_port()
    command = [sys.executable, "-m", "tests.support.directadmin", "--zones", str(zones), "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise RuntimeError("the DirectAdmin stand-in does not start")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def _name(number: int) -> str:
    return f"zone-{number}.example"  # as the stand-in calls them


def _fill(service: Service, zones: int) -> float:
    """Every zone but those that DirectAdmin will be found to have too many; and two that it does not list."""
    names = [_name(number) for number in range(zones)] + [f"gone-{number}.example" for number in range(GONE)]
    requests = (rawsave(name, zone_text(name, SERIAL), keep_alive=True) for name in names)
    began = time.perf_counter()
    asyncio.run(drive(service.port, requests, clients=16, keep_alive=True))
    until_idle(service)
    push_blocking(service.port, delete("not-there.example"))
    return time.perf_counter() - began


@dataclass
class Victim:
    """A zone that is destroyed, and how."""

    name: str
    file: Path
    content: bytes
    how: str


class Victims:
    """Zones of BIND: some taken out of its configuration, files removed, emptied, one cut in half, one replaced by an old one."""

    def __init__(self, service: Service, numbers: Sequence[int]) -> None:
        self._service = service
        self._folder = service.folder / "data/backends/bind"
        files = {path.name: path for path in (self._folder / "zones").rglob("*") if path.is_file()}
        self.all: list[Victim] = []
        for index, number in enumerate(numbers[:DESTROYED]):
            name = _name(number)
            file = next(path for text, path in files.items() if text in (name, f"{name}.zone", f"{name}.db"))
            how = ("removed from BIND", "file removed", "file emptied", "removed from BIND, file too")[index % 4]
            how = {0: "file cut in half", 1: "an old file"}.get(index, how)
            self.all.append(Victim(name, file, file.read_bytes(), how))

    def destroy(self) -> None:
        """Behind the service's back, with BIND's own tools."""
        with tempfile.TemporaryDirectory() as text:
            rndc = self._rndc(Path(text))
            for victim in self.all:
                match victim.how:
                    case "file cut in half":
                        victim.file.write_bytes(victim.content[: len(victim.content) // 2])
                    case "an old file":
                        victim.file.write_bytes(victim.content.replace(str(SERIAL).encode(), str(SERIAL - 1).encode()))
                    case "file removed":
                        victim.file.unlink()
                    case "file emptied":
                        victim.file.write_bytes(b"")
                    case "removed from BIND":
                        rndc("delzone", victim.name)
                        continue
                    case _:
                        rndc("delzone", "-clean", victim.name)
                        victim.file.unlink(missing_ok=True)
                        continue
                rndc("reload", victim.name)

    def _rndc(self, folder: Path) -> Callable[..., None]:
        conf = (self._folder / "named.conf").read_text()
        found = re.search(r"controls \{ inet 127\.0\.0\.1 port (\d+)", conf)
        assert found is not None
        ours = folder / "rndc.conf"
        ours.write_text(
            (self._folder / "rndc.key").read_text() + "options { default-server 127.0.0.1;"
            f' default-port {found[1]}; default-key "directdnsonly"; }};\n'
        )

        def rndc(*words: str) -> None:
            # A reload of a broken file fails, as it should.
            subprocess.run(["rndc", "-c", str(ours), *words], capture_output=True, check=False, timeout=30)

        return rndc

    def not_served(self) -> int:
        """How many BIND does not answer for, or with an old serial."""
        with dns_socket(self._service.dns_port) as sock:
            return sum(served_serial(sock, victim.name) != SERIAL for victim in self.all)

    def broken_files(self) -> int:
        """How many files are not what they were."""
        return sum(not victim.file.exists() or victim.file.read_bytes() != victim.content for victim in self.all)

    def whole_again_at(self, *, limit_s: float = 600.0) -> float:
        """When every one is served again, by DNS, and its file is what it was; perf_counter."""
        until = time.perf_counter() + limit_s
        while self.not_served() or self.broken_files():
            if time.perf_counter() > until:
                raise RuntimeError(f"{self.not_served()} zones and {self.broken_files()} files are still broken")
            time.sleep(0.05)
        return time.perf_counter()


class Pushes:
    """The open loop: 20 a second, each changes a zone that was not destroyed."""

    def __init__(self, service: Service, zones: int) -> None:
        self._target = Target(port=service.port)
        self._zones, self._number = zones, 0

    def during(self, act: Callable[[], object]) -> list[float]:
        """Latencies while `act` runs, in rounds; the last round may outlast it."""
        done = threading.Event()
        failure: list[Exception] = []

        def run() -> None:
            try:
                act()
            except Exception as error:  # noqa: BLE001 - raised again below, in the thread that asked
                failure.append(error)
            finally:
                done.set()

        thread = threading.Thread(target=run)
        thread.start()
        times: list[float] = []
        while not done.is_set():
            took, bad = asyncio.run(arrive(self._target, self._round(), per_s=PER_S))
            times += took
            if bad:
                raise RuntimeError(f"{bad} pushes were not accepted")
        thread.join()
        if failure:
            raise failure[0]
        return times

    def _round(self) -> list[bytes]:
        requests = []
        for _ in range(int(PER_S * SECONDS / 5)):
            self._number += 1
            name = _name(self._zones // 2 + self._number % (self._zones // 2))
            body = zone_text(name, SERIAL + self._number, address=f"198.51.100.{self._number % 250}")
            requests.append(self._target.rawsave(name, body))
        return requests


def _latency(times: Sequence[float], idle: Sequence[float]) -> Row:
    p50, p99 = percentile(times, 0.5), percentile(times, 0.99)
    return {
        "pushes": len(times),
        "push p50 ms": ms(p50),
        "push p99 ms": ms(p99),
        "p50 ratio to idle": round(p50 / percentile(idle, 0.5), 2),
        "p99 ratio to idle": round(p99 / percentile(idle, 0.99), 2),
    }


def _plan(service: Service, zones: int, *, quick: bool) -> Row:
    """The command as a person runs it. Its output is kept for the documentation."""
    words = [DADNS, "reconcile", "--plan", "--config", str(service.folder / "app.yml")]
    without_progress = ["sh", "-c", 'exec "$0" "$@" 2>/dev/null', *words]
    began = time.perf_counter()
    code, said = run_on_terminal(without_progress, columns=110, cwd=ROOT, env=os.environ, limit_s=600)
    seconds = time.perf_counter() - began
    if code:
        raise RuntimeError(f"dadns reconcile --plan ended with {code}: {said}")
    if not quick:
        PLAN.parent.mkdir(parents=True, exist_ok=True)
        PLAN.write_text(said)
    print(said)
    return {"what": "dadns reconcile --plan", "zones": zones, "seconds": round(seconds, 1)}


def _pass(service: Service, zones: int, pushes: Pushes, idle: Sequence[float], victims: Victims | None) -> Row:
    before = (victims.not_served(), victims.broken_files()) if victims else (0, 0)
    ended: dict[str, object] = {}
    began, watch = time.perf_counter(), Stopwatch(service.pid)

    def act() -> None:
        ended["view"] = run_pass(service)
        ended["seconds"], ended["share"] = watch.read()

    healed: list[float] = []
    watcher = threading.Thread(target=lambda: healed.append(victims.whole_again_at()) if victims else None)
    watcher.start()
    with Peak(service.pid) as peak:
        times = pushes.during(act)
    watcher.join()
    view = ended["view"]
    assert isinstance(view, dict)
    row: Row = {
        "what": f"a pass, {DESTROYED} zones destroyed before" if victims else "a pass",
        "zones": zones,
        "seconds": round(float(str(ended["seconds"])), 1),
        "% of one core": round(float(str(ended["share"]))),
        "peak RSS MiB": round(peak.mb, 1),
        **_latency(times, idle),
        "healed": view["done"]["healed"],
        "pulled": view["done"]["pulled"],
    }
    if victims:
        if not healed:
            raise RuntimeError("not every destroyed zone came back")
        row |= {
            "not served before": before[0],
            "files broken before": before[1],
            "all served again after s": round(healed[0] - began, 1),
        }
    return row
