"""A server that behaves as a test tells it, over real sockets: it stands for a name server at fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Speak = Callable[[int, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Faulty:
    """Where it listens, and how many connections there were."""

    port: int = 0
    connections: int = 0
    speaking: set[asyncio.Task[None]] = field(default_factory=set)


@asynccontextmanager
async def tcp_server(speak: Speak) -> AsyncIterator[Faulty]:
    """`speak` gets the connection's number, from 0 on; when it ends, the connection is closed."""
    faulty = Faulty()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        faulty.speaking.add(asyncio.current_task())  # type: ignore[arg-type]
        faulty.connections += 1
        try:
            await speak(faulty.connections - 1, reader, writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client has closed, or the test is over
        finally:
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    faulty.port = listening.sockets[0].getsockname()[1]
    try:
        yield faulty
    finally:
        listening.close()
        for task in faulty.speaking:
            task.cancel()
        await asyncio.gather(*faulty.speaking, return_exceptions=True)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, answer: Callable[[bytes], list[bytes]]) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: object) -> None:
        for message in self._answer(data):
            self._transport.sendto(message, address)  # type: ignore[attr-defined]


@asynccontextmanager
async def udp_server(answer: Callable[[bytes], list[bytes]]) -> AsyncIterator[int]:
    """Its port. `answer` tells what is sent back for each datagram: nothing, or several."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(answer), local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


async def byte_by_byte(writer: asyncio.StreamWriter, octets: bytes) -> None:
    """Each octet in a segment of its own, as far as the kernel lets us."""
    for octet in octets:
        writer.write(bytes((octet,)))
        await writer.drain()
        await asyncio.sleep(0)
