"""Ask a name server: SOA over UDP for many zones at once, AXFR counts over one TCP connection."""

from __future__ import annotations

import asyncio
import secrets
import struct
import time
from collections.abc import Iterator, Sequence
from typing import cast

from directdnsonly.verify.wire import (
    AXFR,
    SOA,
    Answer,
    MalformedAnswer,
    TransferCount,
    identity_of,
    question,
    read_soa,
)
from directdnsonly.zone.name import ZoneName

WINDOW = 64  # questions in flight; more overflow the socket's receive buffer (measured)
ANSWER_S = 0.4  # an answer on a healthy path takes less than a millisecond
LARGEST_TRANSFER = 64 * 2**20  # octets of one AXFR
KEEP_S, KEEP_MOST = 8.0, 4  # idle transfer connections: for how long, and how many

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class SoaProber(asyncio.DatagramProtocol):
    """One UDP socket to one name server. Use `open`."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[int, tuple[bytes, asyncio.Future[Answer], float]] = {}  # in the order of their time limits
        self._timer: asyncio.TimerHandle | None = None  # one for all of them: a sweep asks 100,000 questions
        self.refused = False  # the port is closed (ICMP), the server is not there

    @classmethod
    async def open(cls, host: str, port: int) -> SoaProber:
        """A prober for this server. Raises OSError when there is no way to the address."""
        loop = asyncio.get_running_loop()
        _, prober = await loop.create_datagram_endpoint(cls, remote_addr=(host, port))
        return prober

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # its base class is missing in CPython 3.11

    def datagram_received(self, data: bytes, _address: object) -> None:
        """An answer, or what pretends to be one: only a matching identity and question count."""
        try:
            asked, future, _ = self._waiting[identity_of(data)]
            answer = read_soa(data, asked)
        except (MalformedAnswer, KeyError):
            return
        if not future.done():
            future.set_result(answer)

    def error_received(self, error: Exception) -> None:
        """ICMP: nobody listens there. The questions in flight are over."""
        self.refused = isinstance(error, ConnectionRefusedError)
        for _, future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(error)

    async def ask(self, name: ZoneName, *, tries: int = 2) -> Answer | None:
        """The server's answer about this zone's SOA; None when none came."""
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        for _ in range(tries):
            identity = self._free_identity()
            asked = question(name, SOA, identity)
            future: asyncio.Future[Answer] = loop.create_future()
            until = loop.time() + ANSWER_S
            self._waiting[identity] = (asked, future, until)
            if self._timer is None:
                self._timer = loop.call_at(until, self._expire)
            try:
                self._transport.sendto(asked)
                return await future
            except (TimeoutError, OSError):
                continue
            finally:
                del self._waiting[identity]
        return None

    async def ask_all(self, names: Sequence[ZoneName], *, tries: int = 2) -> list[Answer | None]:
        """Answers in the order of the names, WINDOW questions at a time."""
        answers: list[Answer | None] = [None] * len(names)
        numbers: Iterator[int] = iter(range(len(names)))

        async def worker() -> None:
            for number in numbers:
                answers[number] = await self.ask(names[number], tries=tries)

        await asyncio.gather(*(worker() for _ in range(min(WINDOW, len(names)))))
        return answers

    def close(self) -> None:
        """Release the socket."""
        if self._transport is not None:
            self._transport.close()

    def _expire(self) -> None:
        """End the questions whose time is over, and come back for the next one."""
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        for _, future, until in self._waiting.values():
            if until > now:
                self._timer = loop.call_at(until, self._expire)
                return
            if not future.done():
                future.set_exception(TimeoutError())

    def _free_identity(self) -> int:
        while (identity := secrets.randbelow(65536)) in self._waiting:
            pass
        return identity


class TransferRefused(Exception):
    """The server does not allow us an AXFR (REFUSED or NOTAUTH)."""


class TransferCounter:
    """Counts records by AXFR over connections that are kept for a while: opening one costs more than a small transfer."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._idle: list[tuple[float, _Streams]] = []

    async def count(self, names: Sequence[ZoneName], *, timeout_s: float) -> list[int | None]:
        """Records of each zone, many over one connection; None where the transfer failed.

        Raises TransferRefused when the server refuses transfers, OSError or TimeoutError when it cannot be reached.
        """
        async with asyncio.timeout(timeout_s):
            kept = self._kept()
            if kept is not None:
                counts = await self._over(kept, names)
                if counts and counts[0] is not None:
                    return counts
            return await self._over(await asyncio.open_connection(self._host, self._port), names)

    def close(self) -> None:
        """Release the connections."""
        while self._idle:
            self._idle.pop()[1][1].close()

    def _kept(self) -> _Streams | None:
        """A connection that is probably still open; name servers close idle ones after 10 s and more."""
        while self._idle:
            used_at, streams = self._idle.pop()
            if time.monotonic() - used_at < KEEP_S and not streams[0].at_eof():
                return streams
            streams[1].close()
        return None

    async def _over(self, streams: _Streams, names: Sequence[ZoneName]) -> list[int | None]:
        counts: list[int | None] = []
        done = False
        try:
            for name in names:
                counts.append(await _transfer(*streams, name))
            done = True
        except (asyncio.IncompleteReadError, ConnectionError, MalformedAnswer):
            counts += [None] * (len(names) - len(counts))
        finally:
            if done and len(self._idle) < KEEP_MOST:
                self._idle.append((time.monotonic(), streams))
            else:
                streams[1].close()
        return counts


async def _transfer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: ZoneName) -> int | None:
    asked = question(name, AXFR, secrets.randbelow(65536))
    writer.write(struct.pack("!H", len(asked)) + asked)
    count, size = TransferCount(), 0
    while not count.complete:
        length = int.from_bytes(await reader.readexactly(2), "big")
        size += length
        if size > LARGEST_TRANSFER:
            raise MalformedAnswer("the transfer does not end")
        count.feed(await reader.readexactly(length))
    if count.rcode in {5, 9}:
        raise TransferRefused(str(name))
    return count.records if count.rcode == 0 else None
