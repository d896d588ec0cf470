"""The line as DirectAdmin sees it: durable answers, push -> served by BIND, bulks; beside the floors of this machine."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import threading
import time
from contextlib import nullcontext

from bench.floors import ack_floors
from bench.load import (
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
from bench.openloop import Target, open_loop
from bench.service import Service

SERIAL = 2026010100
Row = dict[str, object]


def ms(seconds: float) -> float:
    return round(seconds * 1e3, 2)


def fsync_floor() -> float:
    """Median seconds of appending and syncing 4 KiB: nothing durable can be faster here."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(200):
            start = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times)


CLIENTS = (1, 8, 32, 128)


def ack(quick: bool) -> list[Row]:
    """Closed loop at the default log level: alone (nothing is delivered), and delivered and proven meanwhile; floors."""
    rows: list[Row] = []
    with Service(log_level="INFO") as service:
        asyncio.run(_warm_up(service.port))
        number = 0
        for keep_alive in (True, False):
            for clients in CLIENTS:
                count = (300 if clients == 1 else 1000) if quick else (1000 if clients == 1 else 5000)
                for alone in (True, False):
                    rows.append(_acks(service, count, number, clients=clients, keep_alive=keep_alive, alone=alone))
                    number += count
        _fill(service, 500)
        for keep_alive in (True, False):
            count = 300 if quick else 3000
            rows.append(_acks(service, count, number, clients=32, keep_alive=keep_alive, same=True))
        for records in (100, 1000):
            count = 100 if quick else 500
            for alone in (True, False):
                rows.append(
                    _acks(service, count, number, clients=8, keep_alive=True, records=records, alone=alone),
                )
                number += count
    rows += ack_floors(CLIENTS, 500 if quick else 2000)
    rows.append({"server": "floor: fsync of 4 KiB", "clients": 1, "p50 ms": ms(fsync_floor())})
    return rows


def _acks(
    service: Service,
    count: int,
    start: int,
    *,
    clients: int,
    keep_alive: bool,
    records: int = 15,
    same: bool = False,
    alone: bool = False,
) -> Row:
    """`same`: every push brings what we hold already. `alone`: the backend is paused while they are answered."""
    requests = []
    for number in range(start + 1, start + count + 1):
        name = f"ack{number % 1000}.example"
        serial, address = SERIAL + number, f"192.0.{number // 250 % 250}.{number % 250}"
        if same:  # what `_fill` has made of it
            name, serial, address = f"zone{number % 500}.example", SERIAL, "192.0.2.10"
        requests.append(rawsave(name, zone_text(name, serial, address=address, records=records), keep_alive=keep_alive))
    with service.paused() if alone else nullcontext():
        cpu = service.cpu_s()
        times, whole = asyncio.run(drive(service.port, requests, clients=clients, keep_alive=keep_alive))
        cpu = service.cpu_s() - cpu
    row: Row = {
        "server": "ours" + (", the same push again" if same else ", acks alone" if alone else ""),
        "connection": "keep-alive" if keep_alive else "new each",
        "clients": clients,
        "records": records,
        "acks/s": round(count / whole),
        "p50 ms": ms(percentile(times, 0.5)),
        "p99 ms": ms(percentile(times, 0.99)),
        "CPU us/push" if alone or same else "CPU us/push (with delivery)": round(cpu / count * 1e6),
    }
    _settle(service)
    return row


def arrivals(quick: bool) -> list[Row]:
    """Open loop: pushes arrive at fixed times, a new connection each; delivered and proven meanwhile."""
    rates, seconds = ((20, 100), 2.0) if quick else ((20, 100, 200, 400), 10.0)
    with Service() as service:
        asyncio.run(_warm_up(service.port))
        return open_loop(Target(port=service.port), rates=rates, seconds=seconds)


def against(url: str, quick: bool) -> list[Row]:
    """The same arrivals on any DirectAdmin-compatible server: http://user:password@host:port."""
    rates, seconds = ((5, 20), 2.0) if quick else ((5, 20, 100, 200), 10.0)
    return open_loop(Target.of(url), rates=rates, seconds=seconds)


async def _warm_up(port: int) -> None:
    await drive(
        port,
        [rawsave("warm.example", zone_text("warm.example", SERIAL + n)) for n in range(50)],
        clients=1,
        keep_alive=False,
    )


def _settle(service: Service, *, limit_s: float = 300.0) -> float:
    """Wait until nothing is outstanding; seconds."""
    began = time.perf_counter()
    while True:
        (backend,) = service.status()["backends"]  # type: ignore[misc]
        if not backend["pending"] + backend["leased"]:
            return time.perf_counter() - began
        if time.perf_counter() - began > limit_s:
            raise RuntimeError(f"still outstanding: {backend}")
        time.sleep(0.02)


def _fill(service: Service, count: int, *, have: int = 0) -> float:
    """Push zones until `count` are present, all proven; seconds."""
    began = time.perf_counter()
    requests = (
        rawsave(f"zone{number}.example", zone_text(f"zone{number}.example", SERIAL), keep_alive=True)
        for number in range(have, count)
    )
    asyncio.run(drive(service.port, requests, clients=16, keep_alive=True))
    _settle(service)
    return time.perf_counter() - began


def proven(quick: bool) -> list[Row]:
    rows: list[Row] = []
    samples = 20 if quick else 100
    have = 0
    with Service() as service, dns_socket(service.dns_port) as sock:
        asyncio.run(_warm_up(service.port))
        rows.append({"zones": 0, "work": "memory", "RSS MiB": round(service.rss_mb(), 1)})
        for present in (10, 1000) if quick else (10, 1000, 10_000):
            _fill(service, present, have=have)
            have = present
            for work in ("change", "add", "delete"):
                times = []
                for sample in range(samples):
                    name = (
                        f"zone{sample * 97 % present}.example" if work == "change" else f"new{present}-{sample}.example"
                    )
                    serial = SERIAL + present + sample + 1
                    request = (
                        delete(name)
                        if work == "delete"
                        else rawsave(name, zone_text(name, serial, address=f"198.51.100.{sample}"))
                    )
                    start = time.perf_counter()
                    push_blocking(service.port, request)
                    times.append(wait_served(sock, name, None if work == "delete" else serial) - start)
                    time.sleep(0.02 if work == "change" else 0.0)
                rows.append(
                    {
                        "zones": present,
                        "work": work,
                        "p50 ms": ms(percentile(times, 0.5)),
                        "p95 ms": ms(percentile(times, 0.95)),
                        "max ms": ms(max(times)),
                        "RSS MiB": round(service.rss_mb(), 1),
                    }
                )
    return rows


def bulk(quick: bool) -> list[Row]:
    rows: list[Row] = []
    for count in (1000,) if quick else (1000, 10_000):
        with Service() as service:
            asyncio.run(_warm_up(service.port))
            urgent: list[float] = []
            stop = threading.Event()
            watcher = threading.Thread(target=_urgent_pushes, args=(service, stop, urgent))
            watcher.start()
            seconds = _fill(service, count)
            stop.set()
            watcher.join()
            with dns_socket(service.dns_port) as sock:
                missing = [n for n in range(count) if served_serial(sock, f"zone{n}.example") != SERIAL]
            if missing:
                raise RuntimeError(f"{len(missing)} zones are not served")
            rows.append(
                {
                    "new zones": count,
                    "seconds until all proven": round(seconds, 2),
                    "zones/s": round(count / seconds),
                    "urgent p50 ms": ms(percentile(urgent, 0.5)) if urgent else None,
                    "urgent max ms": ms(max(urgent)) if urgent else None,
                    "urgent pushes": len(urgent),
                    "RSS MiB": round(service.rss_mb(), 1),
                    "store MiB": round(int(service.status()["store"]["size_bytes"]) / 2**20, 1),  # type: ignore[index]
                }
            )
            rows[-1]["stop s"] = round(service.stop(), 2)
            rows[-1]["restart: accepting after s"] = round(service.start(), 2)
    return rows


def _urgent_pushes(service: Service, stop: threading.Event, times: list[float]) -> None:
    """A certificate challenge every 0.3 s while the bulk runs: push until served."""
    with dns_socket(service.dns_port) as sock:
        number = 0
        while not stop.is_set():
            number += 1
            name = f"acme{number % 5}.example"
            body = zone_text(name, SERIAL + number) + f'_acme-challenge\t5\tIN\tTXT\t"t{number}"\n'.encode()
            start = time.perf_counter()
            push_blocking(service.port, rawsave(name, body, reload=True))
            times.append(wait_served(sock, name, SERIAL + number) - start)
            stop.wait(0.3)


BENCHMARKS = {"ack": ack, "arrivals": arrivals, "proven": proven, "bulk": bulk}
