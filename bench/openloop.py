"""Open-loop load: pushes arrive at fixed times, whatever the server does, each on a connection of its own, as DirectAdmin's.

A latency counts from the time at which the push was due: a server that stalls is charged for everyone who had to wait
(no coordinated omission). Works against any DirectAdmin-compatible server (`arrivals --against URL`).
"""

from __future__ import annotations

import asyncio
import base64
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.load import AUTH, HOSTNAME, Client, percentile, zone_text

Row = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where pushes go, and the credentials they carry (base64 of user:password)."""

    host: str = "127.0.0.1"
    port: int
    auth: str = AUTH

    @classmethod
    def of(cls, url: str) -> Target:
        """http://user:password@host:port"""
        parts = urlsplit(url)
        auth = base64.b64encode(f"{parts.username or ''}:{parts.password or ''}".encode()).decode()
        return cls(host=parts.hostname or "127.0.0.1", port=parts.port or 2222, auth=auth)

    def rawsave(self, name: str, body: bytes) -> bytes:
        """The push as it stands on the wire."""
        head = (
            f"POST /CMD_API_DNS_ADMIN?action=rawsave&domain={name}&username=alice&hostname={HOSTNAME} HTTP/1.0\r\n"
            f"Authorization: Basic {self.auth}\r\nHost: slave.example\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


async def arrive(target: Target, requests: list[bytes], *, per_s: float) -> tuple[list[float], int]:
    """Send request i at i / per_s; seconds of each from its due time, and how many were not answered error=0."""
    loop = asyncio.get_running_loop()
    times: list[float] = []
    bad = 0
    began = time.perf_counter() + 0.1

    async def one(number: int, request: bytes) -> None:
        nonlocal bad
        due = began + number / per_s
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        client: Client | None = None
        try:
            async with asyncio.timeout(30):
                _, client = await loop.create_connection(Client, target.host, target.port)
                answer = await client.send(request)
            bad += not answer.startswith(b"error=0")
        except (OSError, TimeoutError):
            bad += 1
        finally:
            if client is not None:
                client.close()
        times.append(time.perf_counter() - due)

    async with asyncio.TaskGroup() as group:
        for number, request in enumerate(requests):
            group.create_task(one(number, request))
    return times, bad


def open_loop(target: Target, *, rates: tuple[int, ...], seconds: float, zones: int = 1000) -> list[Row]:
    """Latency by arrival rate; every push changes its zone."""
    rows: list[Row] = []
    number = 0
    for rate in rates:
        requests = []
        for _ in range(int(rate * seconds)):
            number += 1
            name = f"open{number % zones}.example"
            body = zone_text(name, 2026010100 + number, address=f"198.51.{number // 250 % 250}.{number % 250}")
            requests.append(target.rawsave(name, body))
        times, bad = asyncio.run(arrive(target, requests, per_s=rate))
        rows.append(
            {
                "arrivals/s": rate,
                "pushes": len(requests),
                "not error=0": bad,
                "p50 ms": round(percentile(times, 0.5) * 1e3, 2),
                "p99 ms": round(percentile(times, 0.99) * 1e3, 2),
                "max ms": round(max(times) * 1e3, 1),
            }
        )
    return rows
