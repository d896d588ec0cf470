"""What guessers cost the others: 10,000 wrong passwords from one address while another client pushes."""

from __future__ import annotations

import asyncio
import base64
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
    with Service() as service:
        asyncio.run(_push(service.port, 100))  # warm
        alone = asyncio.run(_push(service.port, 300 if quick else 1000))
        cpu, rss = service.cpu_s(), service.rss_mb()
        beside, seconds, refused = asyncio.run(_both(service.port, guesses))
        spent, more = service.cpu_s() - cpu, service.rss_mb() - rss
        alone += asyncio.run(_push(service.port, 300 if quick else 1000))  # before and after: a machine's pace changes
        events = (service.folder / "log").read_text().count("login.failed")
        rows: list[Row] = [
            _row("alone", alone),
            _row("beside the guesses", beside),
            {
                "pushes": "ratio",
                "p50 ms": round(percentile(beside, 0.5) / percentile(alone, 0.5), 2),
                "p99 ms": round(percentile(beside, 0.99) / percentile(alone, 0.99), 2),
                "guesses": guesses,
                "refused": refused,
                "guesses/s": round(guesses / seconds),
                "log lines": events,
                "CPU us/guess, pushes beside included": round(spent / guesses * 1e6),
                "RSS MiB more": round(more, 1),
            },
        ]
    return rows


def _row(what: str, times: list[float]) -> Row:
    return {
        "pushes": what,
        "count": len(times),
        "p50 ms": round(percentile(times, 0.5) * 1e3, 2),
        "p99 ms": round(percentile(times, 0.99) * 1e3, 2),
    }


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


async def _both(port: int, guesses: int) -> tuple[list[float], float, int]:
    """The guesser is a process of its own, else the pushing client would wait for it and not for the service."""
    stop = asyncio.Event()
    pushing = asyncio.create_task(_push(port, 1_000_000, stop))
    start = time.perf_counter()
    guesser = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.security", str(port), str(guesses), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await guesser.communicate()
    seconds = time.perf_counter() - start
    stop.set()
    return await pushing, seconds, int(told)


async def guess(port: int, guesses: int) -> int:
    """Send wrong passwords, a new connection each; how many were refused."""
    numbers = iter(range(guesses))
    refused = 0

    async def guesser() -> None:
        nonlocal refused
        for number in numbers:
            word = base64.b64encode(f"bench:guess{number}".encode()).decode()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET /CMD_API_LOGIN_TEST HTTP/1.0\r\nAuthorization: Basic {word}\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
            refused += b" 401 " in answer[:20] or b" 429 " in answer[:20]

    await asyncio.gather(*(guesser() for _ in range(GUESSERS)))
    return refused


if __name__ == "__main__":
    print(asyncio.run(guess(int(sys.argv[1]), int(sys.argv[2]))))
