"""100,000 zones on the bundled BIND: what grows with their number, and what must not.

Filled by pushes through HTTP; then memory, store, one change beside 10 zones, the questions of the API, restart, sweeps,
housekeeping; and named alone with the same files, which nothing of ours can make start sooner.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from bench.line import SERIAL, _warm_up, ms
from bench.load import (
    AUTH,
    delete,
    dns_socket,
    drive,
    percentile,
    push_blocking,
    rawsave,
    served_serial,
    wait_served,
    zone_text,
)
from bench.process import Peak, Stopwatch, cpu_s, rss_mb
from bench.service import Service
from directdnsonly.backends.bind.isccc import ControlKey, NativeControl
from directdnsonly.clock import SystemClock
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import open_store

Row = dict[str, object]
FEW, CLIENTS = 10, 32
COMMANDS = 30_000  # in 15 minutes
SERIALS = itertools.count(SERIAL + 1)
SWEPT = re.compile(r'^.*"backend\.swept".*$', re.MULTILINE)


def scale(quick: bool) -> list[Row]:
    """See the module."""
    count, samples = (5000, 20) if quick else (100_000, 100)
    rows: list[Row] = []
    with Service(extra="reconciliation:\n  enabled: false\n") as service:
        asyncio.run(_warm_up(service.port))
        rows.append({"what": "the service without zones", "RSS MiB": round(service.rss_mb(), 1)})
        _fill(service, 0, FEW)
        rows.append(_filled(service, count))
        rows += _changes(service, count, samples)
        rows += _adds_and_deletes(service, count, samples)
        rows += _questions(service, count, samples)
        rows += _store(service, count)
        rows += _restarted(service, count)
        rows += _changes(service, count, samples, ", named just started")
        rows.append(_gentle_sweep(service, count))
        rows += _files_lost(service, count)
        command = Path(f"/proc/{service.named_pid()}/cmdline").read_bytes().split(b"\0")[:-1]
        stopped_s = service.stop()
        rows.append({"what": "stop", "zones": count, "seconds": round(stopped_s, 2)})
        rows.append(asyncio.run(_housekeeping(service, count)))
        rows += _named_alone([part.decode() for part in command], service, count)
    return rows


def until_idle(service: Service, *, limit_s: float = 1200.0) -> None:
    """Wait until no backend has anything outstanding, asking seldom: the question costs the service too."""
    until = time.perf_counter() + limit_s
    while True:
        backends: list[dict[str, int]] = service.status()["backends"]  # type: ignore[assignment]
        left = sum(backend["pending"] + backend["leased"] for backend in backends)
        if not left:
            return
        if time.perf_counter() > until:
            raise RuntimeError(f"still outstanding: {backends}")
        time.sleep(0.05 if left < 500 else 0.5)


def _fill(service: Service, have: int, count: int) -> float:
    """Push until `count` zones are there; seconds until the last was accepted."""
    requests = (
        rawsave(f"zone{number}.example", zone_text(f"zone{number}.example", SERIAL), keep_alive=True)
        for number in range(have, count)
    )
    _, seconds = asyncio.run(drive(service.port, requests, clients=CLIENTS, keep_alive=True))
    return seconds


def _filled(service: Service, count: int) -> Row:
    with Peak(service.pid) as peak:
        began, cpu, named_cpu = time.perf_counter(), service.cpu_s(), cpu_s(service.named_pid())
        accepted_s = _fill(service, FEW, count)
        until_idle(service)
        seconds = time.perf_counter() - began
    with dns_socket(service.dns_port) as sock:
        missing = sum(served_serial(sock, f"zone{number}.example") is None for number in range(FEW, count))
    if missing:
        raise RuntimeError(f"{missing} zones are not served")
    return {
        "what": "filled by pushes, all proven",
        "zones": count,
        "seconds": round(seconds, 1),
        "zones/s": round(count / seconds),
        "accepted after s": round(accepted_s, 1),
        "CPU us/zone": round((service.cpu_s() - cpu) / count * 1e6),
        "CPU us/zone, named": round((cpu_s(service.named_pid()) - named_cpu) / count * 1e6),
        "RSS MiB": round(service.rss_mb(), 1),
        "peak RSS MiB": round(peak.mb, 1),
        "named RSS MiB": round(rss_mb(service.named_pid())),
    }


def _changes(service: Service, count: int, samples: int, when: str = ", right after the fill") -> list[Row]:
    """From the push to the answer with its serial, in turns with a second service that has ten zones.

    In turns, because whatever else the machine does then slows both. named goes through every control command of the
    last 15 minutes at each further one (`_commands`): right after the fill there are as many as zones.
    """
    many: list[float] = []
    few: list[float] = []
    with Service() as small, dns_socket(service.dns_port) as sock, dns_socket(small.dns_port) as small_sock:
        asyncio.run(_warm_up(small.port))
        _fill(small, 0, FEW)
        until_idle(small)
        for sample in range(samples):
            serial, spread = next(SERIALS), sample * max(count // samples, 1) % count
            turns = [
                (many, service, sock, f"zone{spread}.example"),
                (few, small, small_sock, f"zone{sample % FEW}.example"),
            ]
            for times, one, its_sock, name in turns if sample % 2 else reversed(turns):
                times.append(_change(one, its_sock, name, serial))
                time.sleep(0.05)
    until_idle(service)
    ratio = percentile(many, 0.5) / percentile(few, 0.5)
    return [
        {
            "what": f"change -> proven{when}, in turns with the next",
            "zones": count,
            "p50 ms": ms(percentile(many, 0.5)),
        },
        {"what": f"change -> proven{when}", "zones": FEW, "p50 ms": ms(percentile(few, 0.5)), "ratio": round(ratio, 2)},
    ]


def _change(service: Service, sock: socket.socket, name: str, serial: int) -> float:
    request = rawsave(name, zone_text(name, serial, address=f"198.51.100.{serial % 250}"))
    start = time.perf_counter()
    push_blocking(service.port, request)
    return wait_served(sock, name, serial) - start


def _adds_and_deletes(service: Service, count: int, samples: int) -> list[Row]:
    """From the push to the first answer, from the delete to the last."""
    names = [f"new{sample}.example" for sample in range(samples)]
    serial, times = next(SERIALS), {"add -> proven": list[float](), "delete -> no longer served": list[float]()}
    with dns_socket(service.dns_port) as sock:
        for (_, found), wanted in zip(times.items(), (serial, None), strict=True):
            for name in names:  # all are added first: a zone that is deleted just after it came waits, as in a storm
                request = rawsave(name, zone_text(name, serial)) if wanted else delete(name)
                start = time.perf_counter()
                push_blocking(service.port, request)
                found.append(wait_served(sock, name, wanted) - start)
                time.sleep(0.05)
    until_idle(service)
    return [
        {"what": f"{what}, right after the fill", "zones": count, "p50 ms": ms(percentile(found, 0.5))}
        for what, found in times.items()
    ]


def ask(service: Service, path: str, *, method: str = "GET", limit_s: float = 60.0) -> bytes:
    """The body of one answer."""
    request = urllib.request.Request(f"{service.url}{path}", method=method, headers={"Authorization": f"Basic {AUTH}"})
    with urllib.request.urlopen(request, timeout=limit_s) as answer:
        return bytes(answer.read())


def _questions(service: Service, count: int, samples: int) -> list[Row]:
    """What people, programs and DirectAdmin ask."""
    middle = f"zone{count // 2}.example"
    asked: dict[str, Callable[[int], str]] = {
        "/api/v1/zones, first page of 100": lambda _: "/api/v1/zones?limit=100",
        "/api/v1/zones, a page in the middle": lambda _: f"/api/v1/zones?limit=100&after={middle}",
        "/api/v1/zones?search=, found nowhere": lambda _: "/api/v1/zones?search=nowhere-at-all",
        "/api/v1/zones/ZONE": lambda number: f"/api/v1/zones/zone{number * 7 % count}.example",
        "/api/v1/status": lambda _: "/api/v1/status",
        "exists, a zone of ours": lambda number: _exists(f"zone{number * 7 % count}.example"),
        "exists, below a zone of ours": lambda number: _exists(f"a.b.zone{number * 7 % count}.example", parent=True),
        "exists, unknown": lambda number: _exists(f"unknown{number}.example"),
        "/metrics": lambda _: "/metrics",
    }
    rows: list[Row] = []
    for what, path in asked.items():
        times = []
        for number in range(samples):
            start = time.perf_counter()
            ask(service, path(number))
            times.append(time.perf_counter() - start)
        rows.append(
            {
                "what": what,
                "zones": count,
                "p50 ms": ms(percentile(times, 0.5)),
                "max ms": ms(max(times)),
            }
        )
    return rows


def _exists(name: str, *, parent: bool = False) -> str:
    flag = "&check_for_parent_domain=1" if parent else ""
    return f"/CMD_API_DNS_ADMIN?action=exists&domain={name}{flag}"


def _store(service: Service, count: int) -> list[Row]:
    folder = service.folder / "data"
    sizes = {path.name: path.stat().st_size for path in folder.rglob("*") if ".db" in path.name or "wal" in path.suffix}
    total = int(service.status()["store"]["size_bytes"])  # type: ignore[index]
    wal = sum(size for name, size in sizes.items() if name.endswith("-wal"))
    files = sum(len(found) for _, _, found in os.walk(folder / "backends"))
    longest = max((len(found) for _, _, found in os.walk(folder / "backends")), default=0)
    return [
        {
            "what": "store",
            "zones": count,
            "MiB": round(total / 2**20, 1),
            "WAL MiB": round(wal / 2**20, 1),
            "bytes/zone": round(total / count),
        },
        {"what": "files of BIND, and in the fullest folder", "zones": count, "files": files, "in one": longest},
    ]


def _restarted(service: Service, count: int) -> list[Row]:
    """Stop, start, none outstanding: accepting, ready, and the comparison of every zone that a start brings."""
    service.stop_all()  # the name server, too: what is timed is its start
    log = service.folder / "log"
    told_before = log.stat().st_size
    service.environ["DADNS_LOG_LEVEL"] = "INFO"
    accepting_s = service.start(until="accepting")
    watch = Stopwatch(service.pid)
    while service.readyz()["status"] != "ready":
        time.sleep(0.02)
    ready_s = accepting_s + watch.read()[0]
    watch = Stopwatch(service.pid)
    with Peak(service.pid) as peak:
        while not (told := SWEPT.findall(log.read_bytes()[told_before:].decode())):
            time.sleep(0.05)
    seconds, share = watch.read()
    swept = json.loads(told[-1])
    if swept["zones"] < count or swept["drifted"]:
        raise RuntimeError(f"the sweep saw something else: {swept}")
    return [
        {"what": "restart, none outstanding: accepting", "zones": count, "seconds": round(accepting_s, 2)},
        {"what": "restart: ready, named too", "zones": count, "seconds": round(ready_s, 2)},
        {
            "what": "the sweep of a start, at full speed",
            "zones": count,
            "seconds": round(seconds, 1),
            "zones/s": round(count / seconds),
            "% of one core": round(share),
            "CPU us/zone": round(seconds * share / 100 / count * 1e6),
            "RSS MiB": round(service.rss_mb(), 1),
            "peak RSS MiB": round(peak.mb, 1),
        },
    ]


def run_pass(service: Service, what: str = "run") -> dict[str, object]:
    """One pass of the reconciler, to its end; its result."""
    job = json.loads(ask(service, f"/api/v1/reconcile/{what}", method="POST"))
    while not job["done"]:
        job = json.loads(ask(service, f"/api/v1/reconcile/jobs/{job['id']}?wait=2"))
    if job["failure"]:
        raise RuntimeError(str(job["failure"]))
    return dict(job["result"])


def _gentle_sweep(service: Service, count: int) -> Row:
    """As the reconciler does it beside pushes: small pages and pauses."""
    watch = Stopwatch(service.pid)
    with Peak(service.pid) as peak:
        run_pass(service)
    seconds, share = watch.read()
    return {
        "what": "the sweep of a pass, beside pushes",
        "zones": count,
        "seconds": round(seconds, 1),
        "zones/s": round(count / seconds),
        "% of one core": round(share),
        "CPU us/zone": round(seconds * share / 100 / count * 1e6),
        "peak RSS MiB": round(peak.mb, 1),
    }


def _files_lost(service: Service, count: int) -> list[Row]:
    """As on a new machine with a restored store: no file of the name server is left."""
    service.stop()
    shutil.rmtree(service.folder / "data" / "backends")
    log = service.folder / "log"
    told_before, began = log.stat().st_size, time.perf_counter()
    accepting_s = service.start(until="accepting")
    with dns_socket(service.dns_port) as sock:
        while any(served_serial(sock, f"zone{number}.example") is None for number in (0, count // 2, count - 1)):
            time.sleep(0.05)
        served_s = time.perf_counter() - began
        while not (told := SWEPT.findall(log.read_bytes()[told_before:].decode())):
            time.sleep(0.05)
        until_idle(service)
        proven_s = time.perf_counter() - began
        missing = sum(served_serial(sock, f"zone{number}.example") is None for number in range(count))
    drifted = json.loads(told[-1])["drifted"]
    if missing or drifted:
        raise RuntimeError(f"{missing} zones are not served, {drifted} had to be queued again")
    return [
        {"what": "all files of BIND lost: accepting", "zones": count, "seconds": round(accepting_s, 2)},
        {"what": "all files of BIND lost: all served", "zones": count, "seconds": round(served_s, 1)},
        {"what": "all files of BIND lost: all proven", "zones": count, "seconds": round(proven_s, 1)},
    ]


async def _housekeeping(service: Service, count: int) -> Row:
    """All steps of one pass on the store of the stopped service, the pauses between them left out."""
    folder = service.folder / "data"
    (found,) = {path.parent for path in folder.rglob("*.db") if "backends" not in path.parts} or {folder}
    with tempfile.TemporaryDirectory() as text:
        copy = Path(text) / "store"
        shutil.copytree(found, copy, ignore=shutil.ignore_patterns("backends", "*.lock"))
        settings, longest, steps = OutboxSettings(disk_reserve_mb=0), 0.0, 0
        async with open_store(copy, settings=settings, clock=SystemClock(), backends=["bind"]) as store:
            began = time.perf_counter()
            more = True
            while more:
                start = time.perf_counter()
                more, steps = bool(await store.upkeep.prune()), steps + 1
                longest = max(longest, time.perf_counter() - start)
            seconds = time.perf_counter() - began
    return {
        "what": "housekeeping, one pass",
        "zones": count,
        "seconds": round(seconds, 3),
        "steps": steps,
        "max ms": ms(longest),
    }


def _named_alone(command: list[str], service: Service, count: int) -> list[Row]:
    """The floor: named on the same files without us, until it answers; then its own reload of one zone."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with dns_socket(service.dns_port) as sock:
            name = f"zone{count - 1}.example"
            while served_serial(sock, name) is None:
                if process.poll() is not None or time.perf_counter() - began > 600:
                    raise RuntimeError("named alone does not start")
                time.sleep(0.02)
            rows: list[Row] = [
                {
                    "what": "floor: named alone on these files, until it answers",
                    "zones": count,
                    "seconds": round(time.perf_counter() - began, 2),
                    "named RSS MiB": round(rss_mb(process.pid)),
                }
            ]
            asked = []
            for number in range(1000):
                start = time.perf_counter()
                served_serial(sock, f"zone{number}.example")
                asked.append(time.perf_counter() - start)
            rows.append(
                {
                    "what": "floor: one SOA question at a time to named",
                    "zones": count,
                    "p50 ms": round(statistics.median(asked) * 1e3, 3),
                }
            )
        return [*rows, *asyncio.run(_commands(command, count))]
    finally:
        process.terminate()
        process.wait(timeout=120)


async def _commands(command: list[str], count: int) -> list[Row]:
    """The floor of a change: `reload ZONE` over named's control channel alone, also after many commands.

    named keeps each command for 15 minutes, so that none can be played again, and goes through all of them at each
    command (isccc_cc_cleansymtab in its library isccc; perf showed it).
    """
    configuration = Path(command[command.index("-c") + 1]).read_text()
    port = re.search(r"controls \{ inet \S+ port (\d+)", configuration)
    secret = re.search(r'secret "([^"]+)"', configuration)
    assert port
    assert secret
    key = ControlKey(algorithm="hmac-sha256", secret=base64.b64decode(secret[1]))
    control = NativeControl(host="127.0.0.1", port=int(port[1]), key=key, timeout_s=30)
    rows: list[Row] = []
    for commands in (0, COMMANDS):
        for _ in range(commands):
            await control.command("null")
        times = []
        for number in range(100):
            start = time.perf_counter()
            await control.command(f'reload "zone{number * 7 % count}.example"')
            times.append(time.perf_counter() - start)
            await asyncio.sleep(0.005)
        what = f"floor: reload ZONE by the control channel alone, {commands:,} commands before"
        rows.append({"what": what, "zones": count, "p50 ms": ms(percentile(times, 0.5))})
    await control.aclose()
    return rows
