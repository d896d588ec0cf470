"""What outages and bulks cost: a dead neighbour, a queue that drains, a zone pushed often, urgent pushes, a restart."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.load import dns_socket, drive, percentile, push_blocking, rawsave, served_serial, wait_served, zone_text
from bench.service import Service, free_port

SERIAL = 2026010100
Row = dict[str, object]
SECOND = """    second:
      type: bind
      managed: true
      listen: ["127.0.0.1"]
      port: {port}
"""


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 2)


def _backend(service: Service, name: str = "bind") -> dict[str, int]:
    backends = service.status()["backends"]
    return next(dict(backend) for backend in backends if backend["name"] == name)  # type: ignore[union-attr]


def _pid_of(service: Service, name: str) -> int:
    return int((service.folder / f"data/backends/{name}/run/named.pid").read_text())


@contextmanager
def _stopped(service: Service, name: str = "bind") -> Iterator[None]:
    """The name server hangs while the block runs: nothing can be delivered to it."""
    os.kill(_pid_of(service, name), signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(_pid_of(service, name), signal.SIGCONT)


def neighbour(quick: bool) -> list[Row]:
    """p99 push -> served on one backend, alternately with the other one alive and stopped, in one run."""
    samples = 30 if quick else 200
    times: dict[str, list[float]] = {"both alive": [], "one stopped": []}
    with Service(extra=SECOND.format(port=free_port())) as service, dns_socket(service.dns_port) as sock:
        number = 0

        def measure(into: list[float]) -> None:
            nonlocal number
            for _ in range(samples):
                number += 1
                name = f"n{number % 50}.example"
                start = time.perf_counter()
                push_blocking(service.port, rawsave(name, zone_text(name, SERIAL + number)))
                into.append(wait_served(sock, name, SERIAL + number) - start)
                time.sleep(0.005)

        measure([])
        for _ in range(2 if quick else 4):
            measure(times["both alive"])
            with _stopped(service, "second"):
                while _backend(service, "second")["breaker"] == "closed":
                    push_blocking(service.port, rawsave("trip.example", zone_text("trip.example", SERIAL + number)))
                    number += 1
                    time.sleep(0.2)
                measure(times["one stopped"])
            while _backend(service, "second")["breaker"] != "closed" or _backend(service, "second")["pending"]:
                time.sleep(0.1)
    rows: list[Row] = [
        {
            "second backend": what,
            "pushes": len(found),
            "p50 ms": _ms(percentile(found, 0.5)),
            "p99 ms": _ms(percentile(found, 0.99)),
        }
        for what, found in times.items()
    ]
    alive, stopped = times.values()
    rows.append(
        {
            "second backend": "stopped / alive",
            "p50 ms": round(percentile(stopped, 0.5) / percentile(alive, 0.5), 2),
            "p99 ms": round(percentile(stopped, 0.99) / percentile(alive, 0.99), 2),
        }
    )
    return rows


def outage(quick: bool) -> list[Row]:
    """Zones queued while the backend is away, restart with all of them outstanding, then the drain until proven."""
    count = 1000 if quick else 10_000
    with Service() as service, dns_socket(service.dns_port) as sock:
        push_blocking(service.port, rawsave("warm.example", zone_text("warm.example", SERIAL)))
        wait_served(sock, "warm.example", SERIAL)
        rows: list[Row] = [{"what": "memory before", "RSS MiB": round(service.rss_mb(), 1)}]
        os.kill(service.named_pid(), signal.SIGSTOP)
        requests = (
            rawsave(f"zone{number}.example", zone_text(f"zone{number}.example", SERIAL), keep_alive=True)
            for number in range(count)
        )
        _, seconds = asyncio.run(drive(service.port, requests, clients=16, keep_alive=True))
        rows.append(
            {
                "what": "queued while the backend hangs",
                "zones": _backend(service)["pending"] + _backend(service)["leased"],
                "seconds": round(seconds, 2),
                "zones/s": round(count / seconds),
                "RSS MiB": round(service.rss_mb(), 1),
            }
        )
        stopped = service.named_pid()
        service.kill()
        os.kill(stopped, signal.SIGKILL)  # as a power cut ends both
        accepting = _accepting_after(service)
        rows.append({"what": "kill -9, restart with them: accepting", "zones": count, "seconds": round(accepting, 2)})
        began = time.perf_counter()
        highest = 0.0
        while (left := _backend(service))["pending"] + left["leased"]:
            highest = max(highest, service.rss_mb())
            time.sleep(0.1)
        seconds = time.perf_counter() - began
        missing = sum(served_serial(sock, f"zone{number}.example") != SERIAL for number in range(count))
        rows.append(
            {
                "what": "then drained, all proven",
                "zones": count - missing,
                "seconds": round(seconds, 2),
                "zones/s": round(count / seconds),
                "RSS MiB": round(highest, 1),
            }
        )
        if missing or left["dead"]:
            raise RuntimeError(f"{missing} zones are not served, {left['dead']} given up")
    return rows


def _accepting_after(service: Service) -> float:
    """Start again; seconds until the first push is acknowledged, whatever its name server does by then."""
    done: list[float] = []
    began = time.perf_counter()

    def first_push() -> None:
        while not done and time.perf_counter() - began < 60:
            try:
                push_blocking(service.port, rawsave("first.example", zone_text("first.example", SERIAL)))
                done.append(time.perf_counter() - began)
            except (OSError, RuntimeError):
                time.sleep(0.005)

    client = threading.Thread(target=first_push)
    client.start()
    service.start(until="accepting")
    client.join()
    return done[0]


def often(quick: bool) -> list[Row]:
    """One zone pushed again and again while the backend is away: deliveries when it is back."""
    count = 100 if quick else 1000
    with Service() as service, dns_socket(service.dns_port) as sock:
        push_blocking(service.port, rawsave("often.example", zone_text("often.example", SERIAL)))
        wait_served(sock, "often.example", SERIAL)
        time.sleep(0.5)
        before = _backend(service)["proven"]
        with _stopped(service):
            push_blocking(service.port, rawsave("trip.example", zone_text("trip.example", SERIAL)))
            while _backend(service)["breaker"] == "closed":
                time.sleep(0.1)
            for number in range(1, count + 1):
                body = zone_text("often.example", SERIAL + number, address=f"192.0.2.{number % 250}")
                push_blocking(service.port, rawsave("often.example", body))
        began = time.perf_counter()
        served = wait_served(sock, "often.example", SERIAL + count)
        time.sleep(1.0)
        deliveries = _backend(service)["proven"] - before - 1  # one is trip.example's
        return [{"pushes of one zone": count, "deliveries": deliveries, "last served after ms": _ms(served - began)}]


def urgent(quick: bool) -> list[Row]:
    """Pushes with named_reload=yes and a new _acme-challenge in the middle of a bulk of new zones."""
    count = 1000 if quick else 10_000
    times: list[float] = []
    with Service() as service, dns_socket(service.dns_port) as sock:
        stop = threading.Event()

        def watch() -> None:
            number = 0
            while not stop.wait(0.3):
                number += 1
                name = f"acme{number % 5}.example"
                body = zone_text(name, SERIAL + number) + f'_acme-challenge\t5\tIN\tTXT\t"t{number}"\n'.encode()
                start = time.perf_counter()
                push_blocking(service.port, rawsave(name, body, reload=True))
                times.append(wait_served(sock, name, SERIAL + number) - start)

        watcher = threading.Thread(target=watch)
        watcher.start()
        began = time.perf_counter()
        requests = (
            rawsave(f"zone{number}.example", zone_text(f"zone{number}.example", SERIAL), keep_alive=True)
            for number in range(count)
        )
        asyncio.run(drive(service.port, requests, clients=16, keep_alive=True))
        while (left := _backend(service))["pending"] + left["leased"]:
            time.sleep(0.05)
        seconds = time.perf_counter() - began
        stop.set()
        watcher.join()
    return [
        {
            "bulk zones": count,
            "bulk seconds": round(seconds, 1),
            "urgent pushes": len(times),
            "median ms": _ms(statistics.median(times)),
            "p95 ms": _ms(percentile(times, 0.95)),
            "max ms": _ms(max(times)),
        }
    ]


BENCHMARKS = {"neighbour": neighbour, "outage": outage, "often": often, "urgent": urgent}
