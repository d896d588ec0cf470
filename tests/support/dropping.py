"""A TCP proxy before an HTTP server that closes each connection: it can keep its own side open, and drops it when told."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST


@dataclass
class DroppingProxy:
    """Every request is passed on, whole; what comes of its answer is told here."""

    port: int = 0
    keep: bool = True  # between two requests
    drop: int = 0  # so many answers are cut in the middle: the server has done what it was told
    methods: frozenset[str] = frozenset()  # only of these requests; none: of any
    reset: bool = False  # drop with RST, not with FIN
    asked: list[str] = field(default_factory=list)  # the methods of the requests, in order

    def _cuts(self, method: str) -> bool:
        if not self.drop or (self.methods and method not in self.methods):
            return False
        self.drop -= 1
        return True


@asynccontextmanager
async def dropping(server_port: int) -> AsyncIterator[DroppingProxy]:
    """A proxy before 127.0.0.1:server_port."""
    proxy = DroppingProxy()
    speaking: set[asyncio.Task[None]] = set()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        speaking.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            while True:
                request = await _request(reader)
                proxy.asked.append(request.split(b" ", 1)[0].decode())
                answer = await _ask(server_port, request)
                if proxy._cuts(proxy.asked[-1]):
                    writer.write(answer[: len(answer) // 2])
                    await writer.drain()
                    if proxy.reset:
                        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    return
                if not proxy.keep:
                    writer.write(answer)
                    return
                writer.write(answer.replace(b"Connection: close", b"Connection: keep-alive", 1))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has closed
        finally:
            await _close(writer)

    listening = await asyncio.start_server(speak, "127.0.0.1", 0)
    proxy.port = listening.sockets[0].getsockname()[1]
    yield proxy
    listening.close()
    await asyncio.wait(speaking, timeout=10)


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
    return head + await reader.readexactly(length)


async def _ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return await reader.read()
    finally:
        await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
