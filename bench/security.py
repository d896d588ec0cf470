"""What guessers cost the others: 10,000 wrong passwords from one address while another client pushes.

A guesser is another machine in life, but here it shares two cores with the service, the name server and the client whose
answers are timed. So its process is made of bare sockets and yields to all others (nice 19), and a row of its own tells what
the same guesses cost when they go to another service on this machine: what is left then is not the work of ours.
"""

from __future__ import annotations

import asyncio
import base64
import os
import selectors
import socket
import sys
import time

from bench.load import Client, percentile, rawsave, zone_text
from bench.service import Service

SERIAL = 2026010100
GUESSERS = 200  # connections at once
Row = dict[str, object]


def security(quick: bool) -> list[Row]:
    """Answer times of a client that pushes, alone and beside the guesses; from the same address, as behind one proxy."""
    guesses = 1000 if quick else 10_000
    with Service() as service, Service() as other:
        asyncio.run(_push(service.port, 100))  # warm
        alone = asyncio.run(_push(service.port, 300 if quick else 2000))
        idle = other.cpu_s()
        elsewhere, _, _ = asyncio.run(_both(service.port, other.port, guesses // 5))
        idle, cpu, rss = other.cpu_s() - idle, service.cpu_s(), service.rss_mb()
        beside, seconds, refused = asyncio.run(_both(service.port, service.port, guesses))
        spent, more = service.cpu_s() - cpu, service.rss_mb() - rss
        alone += asyncio.run(_push(service.port, 300 if quick else 2000))  # before and after: a machine's pace changes
        events = (service.folder / "log").read_text().count("login.failed")
        rows: list[Row] = [
            _row("alone", alone),
            _row("beside guesses to another service", elsewhere, alone),
            _row("beside the guesses", beside, alone)
            | {
                "guesses": guesses,
                "refused": refused,
                "guesses/s": round(guesses / seconds),
                "log lines": events,
                "CPU us/guess, pushes beside included": round(spent / guesses * 1e6),
                "CPU us/guess": round(idle / (guesses // 5) * 1e6),
                "RSS MiB more": round(more, 1),
            },
        ]
    return rows


def _row(what: str, times: list[float], alone: list[float] | None = None) -> Row:
    row: Row = {"pushes": what, "count": len(times)}
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        row[f"{name} ms"] = round(percentile(times, share) * 1e3, 2)
        if alone is not None:
            row[f"{name} of alone"] = round(percentile(times, share) / percentile(alone, share), 2)
    return row


async def _push(port: int, count: int, stop: asyncio.Event | None = None) -> list[float]:
    """One client on a kept connection, a push each 5 ms; until `stop` when it is given."""
    _, client = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)
    times: list[float] = []
    while len(times) < count and not (stop and stop.is_set()):
        number = len(times)
        name = f"guessed{number % 50}.example"
        start = time.perf_counter()
        answer = await client.send(rawsave(name, zone_text(name, SERIAL + number), keep_alive=True))
        times.append(time.perf_counter() - start)
        if answer != b"error=0":
            raise RuntimeError(answer)
        await asyncio.sleep(0.005)
    client.close()
    return times


async def _both(port: int, guessed: int, guesses: int) -> tuple[list[float], float, int]:
    """The guesser is a process of its own, else the pushing client would wait for it and not for the service."""
    stop = asyncio.Event()
    pushing = asyncio.create_task(_push(port, 1_000_000, stop))
    start = time.perf_counter()
    guesser = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.security", str(guessed), str(guesses), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await guesser.communicate()
    seconds = time.perf_counter() - start
    stop.set()
    return await pushing, seconds, int(told)


def guess(port: int, guesses: int) -> int:
    """Send wrong passwords, a new connection each, as many at once as guessers; how many were refused."""
    os.nice(19)
    selector = selectors.DefaultSelector()
    begun = ended = refused = 0
    while ended < guesses:
        while begun < guesses and begun - ended < GUESSERS:
            word = base64.b64encode(f"bench:guess{begun}".encode()).decode()
            connection = socket.create_connection(("127.0.0.1", port))
            connection.sendall(f"GET /CMD_API_LOGIN_TEST HTTP/1.0\r\nAuthorization: Basic {word}\r\n\r\n".encode())
            selector.register(connection, selectors.EVENT_READ)
            begun += 1
        for key, _ in selector.select():
            with key.fileobj as answered:  # type: ignore[union-attr]
                selector.unregister(answered)
                refused += answered.recv(4096)[9:12] in (b"401", b"429")
            ended += 1
    return refused


if __name__ == "__main__":
    print(guess(int(sys.argv[1]), int(sys.argv[2])))
