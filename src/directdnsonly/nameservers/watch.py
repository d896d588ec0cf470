"""Tell a bundled name server that hangs from one that works or is busy: it lives, and answers nobody.

Systemd's watchdog does the same from inside a program; no name server has one of its own, so we ask as a resolver does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable

from directdnsonly.clock import Clock
from directdnsonly.errors import BackendError
from directdnsonly.nameservers.process import session_of
from directdnsonly.verify.query import SoaProber
from directdnsonly.verify.wire import SOA, question
from directdnsonly.zone.name import ZoneName

ASK_EVERY_S = 5.0
TRIES = 5  # over UDP, 0.4 s each
TCP_S = 2.0
COMMAND_S = 10.0
BUSY = 4  # times as long is waited for one that computes meanwhile: it may load many zones, or be flooded
IDLE_SHARE = 0.02  # of one core: what a name server without work stays below
NOBODYS = ZoneName("directdnsonly.invalid")  # RFC 6761, 6.4: nobody's zone; REFUSED is an answer, too


class Patience:
    """How long one silent name server is believed. Pure: times and processor seconds come in."""

    def __init__(self, limit_s: float, *, now: float) -> None:
        self._limit_s = limit_s
        self.answered(now=now)

    def answered(self, *, now: float) -> None:
        """It answered, or has just begun: its patience begins anew."""
        self._heard_at = now
        self._cpu_s: float | None = None

    def why_hung(self, what: str, *, now: float, cpu_s: float) -> str:
        """Why it is no longer waited for; empty while it is. `what` it did not answer.

        One that computes gets four times as long.
        """
        if self._cpu_s is None:  # the first silence
            self._silent_from, self._cpu_s = now, cpu_s
        silent_s = now - self._heard_at
        if silent_s < self._limit_s:
            return ""
        is_busy = cpu_s - self._cpu_s > IDLE_SHARE * (now - self._silent_from)
        if is_busy and silent_s < BUSY * self._limit_s:
            return ""
        how = "though it computes" if is_busy else "and does nothing"
        return f"hangs: it has answered no {what} for {silent_s:.0f} s {how}"


class Watch:
    """Asks one name server again and again; `why_hung` waits until it must be believed to hang."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        limit_s: float,
        clock: Clock,
        leader: int,
        command: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """`leader`: the process that leads its session. `command`: asks its control channel, and raises BackendError when that does not work."""
        self._host, self._port = host, port
        self._clock, self._leader, self._command = clock, leader, command
        self._queries = Patience(limit_s, now=clock.now_s())
        self._commands = Patience(BUSY * limit_s, now=clock.now_s())  # customers get answers all the while
        self._command_s = min(COMMAND_S, limit_s)
        self._every_s = min(ASK_EVERY_S, limit_s / 4)
        self.has_answered = False
        self.takes_commands = False  # its control channel answered, by our key, when it was asked last

    async def why_hung(self) -> str:
        """Waits, for ever when it answers; why it hangs."""
        while not (reason := await self.ask()):
            await asyncio.sleep(self._every_s)
        return reason

    async def ask(self) -> str:
        """Ask once; why it must be believed to hang, empty while it need not."""
        if not await answers(self._host, self._port):
            return self._queries.why_hung("query", now=self._clock.now_s(), cpu_s=await self._cpu_s())
        self.has_answered = True
        self._queries.answered(now=self._clock.now_s())
        self.takes_commands = await self._commanded()
        if self.takes_commands:
            self._commands.answered(now=self._clock.now_s())
            return ""
        return self._commands.why_hung("control command", now=self._clock.now_s(), cpu_s=await self._cpu_s())

    async def _commanded(self) -> bool:
        if self._command is None:
            return True
        try:
            async with asyncio.timeout(self._command_s):
                await self._command()
        except (TimeoutError, BackendError):
            return False
        return True

    async def _cpu_s(self) -> float:
        return await asyncio.to_thread(cpu_seconds, self._leader)


async def answers(host: str, port: int) -> bool:
    """Whether it answers anything, by UDP or, under a flood that fills its queue, by TCP. Takes four seconds at most."""
    with contextlib.suppress(OSError):
        prober = await SoaProber.open(host, port)
        try:
            if await prober.ask(NOBODYS, tries=TRIES) is not None:
                return True
        finally:
            prober.close()
    return await _answers_by_tcp(host, port)


async def _answers_by_tcp(host: str, port: int) -> bool:
    asked = question(NOBODYS, SOA, int.from_bytes(os.urandom(2)))
    try:
        async with asyncio.timeout(TCP_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(len(asked).to_bytes(2) + asked)
                return len(await reader.read(2)) > 0
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


def cpu_seconds(leader: int) -> float:
    """Processor seconds of the processes of a session: its own and those of children that have ended."""
    return sum(one.cpu_ticks for one in session_of(leader)) / os.sysconf("SC_CLK_TCK")
