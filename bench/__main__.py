"""Run the benchmarks: python -m bench [--quick] [--json FILE] [NAME ...]

ack     durable answers: 1, 8, 32 clients, keep-alive and a new connection each, 15-record zones
proven  push -> served by BIND with 10, 1,000, 10,000 zones present: change, add, delete
bulk    1,000 and 10,000 new zones as fast as possible until all are served and proven; urgent pushes in the middle
security  10,000 wrong passwords from one address while another client pushes: its answers beside and alone
neighbour, outage, often, urgent: what outages and bulks cost (bench/outbox.py)
memory  of our process at 0, 1,000, 10,000 zones (taken on the way of `proven` and `bulk`)
Figures are of one run on one machine; compare the ratios. The floor beside `ack` is one fsync of 4 KiB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import tempfile
import threading
import time
from pathlib import Path

from bench import outbox
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
from bench.security import security
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


def ack(quick: bool) -> list[Row]:
    rows: list[Row] = []
    with Service() as service:
        number = 0
        asyncio.run(_warm_up(service.port))
        for keep_alive in (True, False):
            for clients in (1, 8, 32):
                count = (300 if clients == 1 else 1000) if quick else (1000 if clients == 1 else 5000)
                requests = []
                for _ in range(count):
                    number += 1
                    name = f"ack{number % 1000}.example"
                    body = zone_text(name, SERIAL + number, address=f"192.0.{number // 250 % 250}.{number % 250}")
                    requests.append(rawsave(name, body, keep_alive=keep_alive))
                cpu = service.cpu_s()
                times, whole = asyncio.run(drive(service.port, requests, clients=clients, keep_alive=keep_alive))
                rows.append(
                    {
                        "connection": "keep-alive" if keep_alive else "new each",
                        "clients": clients,
                        "acks/s": round(count / whole),
                        "p50 ms": ms(percentile(times, 0.5)),
                        "p99 ms": ms(percentile(times, 0.99)),
                        "CPU us/push (with delivery)": round((service.cpu_s() - cpu) / count * 1e6),
                    }
                )
                _settle(service)
    rows.append({"connection": "floor: fsync 4 KiB", "clients": 1, "p50 ms": ms(fsync_floor())})
    return rows


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
                        f"zone{sample % min(present, 10)}.example"
                        if work == "change"
                        else f"new{present}-{sample}.example"
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
                    time.sleep(0.16 if work == "change" and present < 100 else 0.0)  # not the storm of one zone
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


BENCHMARKS = {"ack": ack, "proven": proven, "bulk": bulk, "security": security, **outbox.BENCHMARKS}


def machine() -> Row:
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {
        "cores": os.cpu_count(),
        "memory": memory.split(":")[1].strip(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "load before": round(os.getloadavg()[0], 2),
    }


def table(name: str, rows: list[Row]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [columns, *[[str(row.get(column, "")) for column in columns] for row in rows]]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    return f"\n{name}\n" + "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], default=[])
    parser.add_argument("--quick", action="store_true", help="small counts: shows that it runs")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    results: dict[str, object] = {"machine": machine()}
    for name in options.names or list(BENCHMARKS):
        rows = BENCHMARKS[name](options.quick)
        results[name] = rows
        print(table(name, rows), flush=True)
    text = json.dumps(results, indent=2)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(text + "\n")
    print("\n" + text)


if __name__ == "__main__":
    main()
