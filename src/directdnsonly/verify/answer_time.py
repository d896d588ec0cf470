"""How long a name server takes to answer, without what our own busy event loop adds: the kernel notes when an answer came."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time

from directdnsonly.verify.others import OURS
from directdnsonly.verify.query import identities
from directdnsonly.verify.wire import SOA, answers, question
from directdnsonly.zone.name import ZoneName

NOTHING = ZoneName.trusted("directdnsonly.invalid")  # RFC 6761: nobody serves it, but any server answers
PATIENCE_S = 2.0
_TIMESTAMPS = 35  # SO_TIMESTAMPNS of Linux, which Python's socket module does not name
_TIMESPEC = struct.Struct("@qq")
_LARGEST = 4096


class AnswerTimer:
    """Asks one name server one question at a time by UDP, each from a port of its own, so that none of its sockets is spared."""

    def __init__(self, host: str, port: int) -> None:
        self._place = (host, port)
        self._identities = identities()

    async def measure_s(self) -> float | None:
        """Seconds from the question to the arrival of its answer; None if none came, or if nobody can tell.

        The kernel notes the time of the wall clock: a measurement during which that jumps is thrown away.
        """
        asked = question(NOTHING, SOA, next(self._identities))
        family = socket.AF_INET6 if ":" in self._place[0] else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as asking:
                asking.setsockopt(socket.SOL_SOCKET, _TIMESTAMPS, 1)
                asking.connect(self._place)
                sent_at = time.time_ns()
                OURS.sent(self._place[0])
                asking.send(asked)
                async with asyncio.timeout(PATIENCE_S):
                    came_at = await self._arrival(asking, asked)
        except (OSError, TimeoutError):
            return None
        seconds = (came_at - sent_at) / 1e9
        return seconds if 0 <= seconds <= PATIENCE_S else None

    async def _arrival(self, asking: socket.socket, asked: bytes) -> int:
        """When the answer to this question came, in nanoseconds of the wall clock. Raises OSError."""
        while True:
            with contextlib.suppress(BlockingIOError):
                message, notes, _, _ = asking.recvmsg(_LARGEST, 64)
                if answers(message, asked):
                    return _noted(notes)
                continue  # a late answer to an earlier question
            await _readable(asking)


async def _readable(asking: socket.socket) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(asking, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(asking)


def _noted(notes: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in notes:
        if (level, kind) == (socket.SOL_SOCKET, _TIMESTAMPS) and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return time.time_ns()
