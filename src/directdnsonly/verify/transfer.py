"""Counts the records of zones by AXFR, one transfer after another over a persistent TCP connection.

Several under way at once (RFC 7766, section 6.2.1.1) were tried: named 9.18 takes them up together and answers SERVFAIL
beyond its `transfers-out`, which secondaries need, and everybody's answers wait for our delayed acknowledgements (40 ms).
Measured per zone of our CPU: named 41 us one by one, 34 with four; NSD 27, and 15 with sixteen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from directdnsonly.verify.query import identities
from directdnsonly.verify.wire import (
    AXFR,
    NOTAUTH,
    RCODES,
    REFUSED,
    MalformedAnswer,
    TransferCount,
    identity_of,
    question,
)
from directdnsonly.wording import words_of
from directdnsonly.zone.name import ZoneName

LARGEST_TRANSFER = 64 * 2**20  # octets of one AXFR
COUNT_S = 10.0  # for all zones of a call
KEEP_S, KEEP_MOST = 8.0, 4  # idle connections: how long, and how many; name servers close them after 10 s and more


class TransferRefused(Exception):
    """The server does not allow us the AXFR (REFUSED or NOTAUTH)."""


@dataclass(frozen=True, slots=True)
class Uncounted:
    """Why the records of a zone could not be counted. `slow`: the transfer stalled, which a longer limit may cure."""

    reason: str
    slow: bool = False


class TransferCounter:
    """Counts at one server over connections kept open for a while, because opening one costs more than a small transfer."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._idle: list[tuple[float, _Transfers]] = []
        self._allowed = False  # it has transferred something: NOTAUTH then means that a zone is just gone

    async def count(
        self, names: Sequence[ZoneName], *, stall_s: float, timeout_s: float = COUNT_S
    ) -> list[int | Uncounted]:
        """The number of records of each zone, or why it is unknown. `stall_s`: the longest pause allowed within a transfer.

        What one zone's transfer does is that zone's: the others are asked for over new connections, also of a server
        that closes after any number of transfers. What `timeout_s` was too short for has no number. Raises
        TransferRefused when the server refuses transfers, OSError or TimeoutError when it cannot be reached.
        """
        counts: list[int | Uncounted] = []
        until = time.monotonic() + timeout_s
        connection = self._kept()
        mute = 0  # zones in a row of which nothing came over a new connection
        while len(counts) < len(names) and time.monotonic() < until:
            fresh = connection is None
            connection = connection or await self._opened(stall_s)
            found = await connection.count(names[len(counts) :], allowed=self._allowed, stall_s=stall_s, until=until)
            self._allowed = self._allowed or any(isinstance(number, int) for number in found)
            counts += found
            if connection.is_open:
                self._keep(connection)
            elif fresh and not found:
                mute = 0 if connection.began else mute + 1
                if mute and (not counts or mute > 1):
                    return counts + [connection.fault] * (len(names) - len(counts))  # it is no zone's doing
                counts.append(connection.fault)  # it was the first one asked for: its own doing
            connection = None
        return counts + [Uncounted(f"not counted in {timeout_s:g} s", slow=True)] * (len(names) - len(counts))

    def close(self) -> None:
        """Release the connections."""
        while self._idle:
            self._idle.pop()[1].close()

    async def _opened(self, limit_s: float) -> _Transfers:
        async with asyncio.timeout(limit_s):
            _, made = await asyncio.get_running_loop().create_connection(_Transfers, self._host, self._port)
        return made

    def _kept(self) -> _Transfers | None:
        """A kept connection that is probably still open; None if there is none."""
        while self._idle:
            used_at, connection = self._idle.pop()
            if time.monotonic() - used_at < KEEP_S and connection.is_open:
                return connection
            connection.close()
        return None

    def _keep(self, connection: _Transfers) -> None:
        if len(self._idle) < KEEP_MOST:
            self._idle.append((time.monotonic(), connection))
        else:
            connection.close()


class _Transfers(asyncio.Protocol):
    """One connection for transfers, as an asyncio Protocol because streams cost more than the counting."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._identities = identities()
        self._came = b""  # the begin of a message
        self._left: Iterator[ZoneName] = iter(())
        self._name: ZoneName | None = None  # the zone under way
        self._asked = b""
        self._octets = 0
        self._count = TransferCount()
        self._refusals: set[int] = set()
        self._counts: list[int | Uncounted] = []
        self._done: asyncio.Future[None] | None = None
        self._moved_at = 0.0
        self._watcher: asyncio.TimerHandle | None = None
        self.is_open = False
        self.began = False  # something has come of the zone under way
        self.fault = Uncounted(
            "the connection is closed during its transfer"
        )  # of the zone under way, when the connection broke

    async def count(
        self, names: Sequence[ZoneName], *, allowed: bool, stall_s: float, until: float
    ) -> list[int | Uncounted]:
        """The number of records of each zone, or the server's error; only of the first ones if the connection broke (`is_open`).

        `allowed`: NOTAUTH is such an error, and no refusal. Raises TransferRefused.
        """
        self._left, self._counts = iter(names), []
        self._refusals = {REFUSED} if allowed else {REFUSED, NOTAUTH}
        self._done = asyncio.get_running_loop().create_future()
        if self.is_open:
            self._ask()
        else:
            self.close()
        self._watch(stall_s, until)
        try:
            await self._done
        except BaseException:
            self.close()  # what comes later would be mistaken
            raise
        finally:
            if self._watcher is not None:
                self._watcher.cancel()
        return self._counts

    def _watch(self, stall_s: float, until: float) -> None:
        """Close the connection if the transfer stalls; one timer serves all zones of a call."""
        if self._done is None or self._done.done():
            return
        now = time.monotonic()
        if now >= min(self._moved_at + stall_s, until):
            self.fault = Uncounted(f"no record of its transfer came in {stall_s:g} s", slow=True)
            self.close()
            return
        wait_s = min(self._moved_at + stall_s, until) - now
        self._watcher = asyncio.get_running_loop().call_later(wait_s, self._watch, stall_s, until)

    def close(self) -> None:
        """Close the connection at once."""
        self._end(None)
        self.is_open = False
        self._name = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Of asyncio. Any part of a message, or many messages."""
        came = self._came + data if self._came else data
        position = 0
        try:
            while self.is_open and len(came) >= position + 2:
                end = position + 2 + int.from_bytes(came[position : position + 2], "big")
                if end > len(came):
                    break
                self._take(came[position + 2 : end])
                position = end
        except MalformedAnswer as error:
            self.fault = Uncounted(f"its transfer broke off: {words_of(error)}")
            self.close()
        self._came = came[position:]

    def connection_lost(self, _error: Exception | None) -> None:
        """Of asyncio: the server has closed it, or it broke."""
        self.close()

    def _ask(self) -> None:
        """Request the next zone's transfer, or finish if there is none."""
        self._name = next(self._left, None)
        if self._name is None:
            self._end(None)
            return
        self._asked = question(self._name, AXFR, next(self._identities))
        self._octets, self._count = 0, TransferCount()
        self.began, self._moved_at = False, time.monotonic()
        if self._transport is not None:
            self._transport.write(len(self._asked).to_bytes(2, "big") + self._asked)

    def _take(self, message: bytes) -> None:
        """Take one message of the transfer in progress. Raises MalformedAnswer."""
        if self._name is None or identity_of(message) != identity_of(self._asked):
            self.began = self._name is not None
            raise MalformedAnswer("an answer to what was not asked")
        self.began, self._moved_at = True, time.monotonic()
        self._octets += len(message)
        if self._octets > LARGEST_TRANSFER:
            raise MalformedAnswer("the transfer never ends")
        count = self._count
        count.feed(message, self._asked)
        if not count.complete:
            return
        if count.rcode in self._refusals:
            self._end(TransferRefused(str(self._name)))
            return
        if not count.rcode:
            self._refusals = {REFUSED}
        if count.rcode:
            said = RCODES.get(count.rcode, str(count.rcode))
            self._counts.append(Uncounted(f"its transfer is answered {said}"))
        else:
            self._counts.append(count.records)
        self._ask()

    def _end(self, error: Exception | None) -> None:
        if self._done is None or self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)
