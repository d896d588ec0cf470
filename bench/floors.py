"""Floors: what the parts below us cost alone on this machine, by the same load. `python -m bench.floors PORT [durable]`.

The bare application answers error=0 to whatever comes, on the same uvicorn; `durable` appends and syncs 4 KiB before each
answer, one sync for all that wait (nothing that keeps a push can be faster).
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from bench.load import drive, percentile, rawsave, zone_text
from bench.service import free_port

Row = dict[str, object]


class Syncer:
    """One write and one sync for all that wait: group commit without a database."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._waiting: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None

    async def sync(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        await future

    async def _run(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            await asyncio.to_thread(self._write, len(group))
            for future in group:
                future.set_result(None)

    def _write(self, count: int) -> None:
        self._file.write(b"x" * 4096 * count)
        self._file.flush()
        os.fdatasync(self._file.fileno())


def app(durable: bool):
    syncer = Syncer() if durable else None

    async def bare(scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        if syncer is not None:
            await syncer.sync()
        body = b"error=0"
        headers = [(b"content-length", str(len(body)).encode())]
        if scope["http_version"] == "1.0":
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return bare


@contextmanager
def bare_server(*, durable: bool) -> Iterator[int]:
    """The bare application as a process; its port."""
    port = free_port()
    command = [sys.executable, "-m", "bench.floors", str(port), *(["durable"] if durable else [])]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        asyncio.run(_until_it_answers(port))
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


async def _until_it_answers(port: int) -> None:
    for _ in range(500):
        try:
            await drive(port, [rawsave("a.example", b"x")], clients=1, keep_alive=False)
        except* OSError:
            await asyncio.sleep(0.02)
        else:
            break
    else:
        raise RuntimeError("the bare application does not start")


def ack_floors(clients: tuple[int, ...], count: int) -> list[Row]:
    """The bare application under the load of the `ack` benchmark."""
    rows: list[Row] = []
    body = zone_text("floor.example", 1)
    for durable in (False, True):
        with bare_server(durable=durable) as port:
            for keep_alive in (True, False):
                for number in clients:
                    requests = [rawsave("floor.example", body, keep_alive=keep_alive)] * count
                    times, whole = asyncio.run(drive(port, requests, clients=number, keep_alive=keep_alive))
                    rows.append(
                        {
                            "server": "floor: bare uvicorn" + (" + shared fsync" if durable else ""),
                            "connection": "keep-alive" if keep_alive else "new each",
                            "clients": number,
                            "acks/s": round(count / whole),
                            "p50 ms": round(percentile(times, 0.5) * 1e3, 2),
                            "p99 ms": round(percentile(times, 0.99) * 1e3, 2),
                        }
                    )
                    time.sleep(0.1)
    return rows


if __name__ == "__main__":
    uvicorn.run(
        app("durable" in sys.argv[2:]), port=int(sys.argv[1]), http="httptools", ws="none", lifespan="off",
        log_config=None, access_log=False, proxy_headers=False,
    )  # fmt: skip
