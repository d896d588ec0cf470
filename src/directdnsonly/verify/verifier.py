"""Proof: ask every name server of a backend until each zone is served as wanted, or patience is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from directdnsonly.verify.compare import Depth, Expected, Finding, Verdict, judge, judge_content, judge_count
from directdnsonly.verify.content import read_zone, sample
from directdnsonly.verify.query import SoaProber
from directdnsonly.verify.transfer import TransferCounter, TransferRefused
from directdnsonly.verify.wire import Answer
from directdnsonly.zone.name import ZoneName

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.001, 0.05
COUNT_TIMEOUT_S = 10.0
ANY_NAME = ZoneName.trusted("directdnsonly.invalid")  # RFC 6761: nobody serves it, but any server answers


Before = Callable[[ZoneName], Awaitable[str | None]]


async def nothing_before(_name: ZoneName) -> str | None:
    """No version is known to have been proven."""
    return None


class Address(Protocol):
    """Where a name server answers."""

    @property
    def host(self) -> str: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102


class Verifier:
    """Asks the name servers of one backend. A zone is proven when all of them prove it (or when there is none)."""

    def __init__(
        self,
        servers: Sequence[Address],
        *,
        allows_transfer: bool,
        depth: Depth = Depth.COUNT,
        authoritative: bool = True,
        forgets: bool = True,
    ) -> None:
        """`authoritative`: answers must carry AA. `forgets`: a deleted zone must stop being answered."""
        self._servers = tuple(servers)
        self._depth = depth
        self._authoritative = authoritative
        self._forgets = forgets
        self._probers: dict[tuple[str, int], SoaProber] = {}
        self._counters = {
            (server.host, server.port): TransferCounter(server.host, server.port) for server in self._servers
        }
        self._countable = {(server.host, server.port): allows_transfer for server in servers}

    async def verify(
        self, expected: Sequence[Expected], *, patience_s: float, before: Before = nothing_before
    ) -> list[Verdict]:
        """One verdict per expectation, in order. Polls from a millisecond on, growing; at least once.

        `before` gives the text that was proven last; it is only asked where a sample stands for a transfer.
        """
        verdicts = [Verdict(finding=Finding.PROVEN)] * len(expected)
        if len(self._servers) == 1:
            return await self._verify_at(self._servers[0], expected, patience_s, before)
        asking = (self._verify_at(server, expected, patience_s, before) for server in self._servers)
        for found in await asyncio.gather(*asking):
            verdicts = [
                later if verdict.finding is Finding.PROVEN else verdict
                for verdict, later in zip(verdicts, found, strict=True)
            ]
        return verdicts

    def close(self) -> None:
        """Release the sockets."""
        for prober in self._probers.values():
            prober.close()
        self._probers.clear()
        for counter in self._counters.values():
            counter.close()

    async def _prober(self, server: Address) -> SoaProber:
        key = (server.host, server.port)
        if key not in self._probers:
            opened = await SoaProber.open(server.host, server.port)
            if self._probers.setdefault(key, opened) is not opened:
                opened.close()  # somebody else was quicker
        return self._probers[key]

    async def why_silent(self) -> str:
        """Why a name server cannot prove anything now; empty when each of them answers."""
        for server in self._servers:
            prober = await self._prober(server)
            if await prober.ask(ANY_NAME) is None:
                return f"{_shown(server)} does not answer"
        return ""

    async def _verify_at(
        self, server: Address, expected: Sequence[Expected], patience_s: float, before: Before
    ) -> list[Verdict]:
        if not expected:
            return []
        until = time.monotonic() + patience_s
        pause_s = FIRST_PAUSE_S
        verdicts: list[Verdict] = [Verdict(finding=Finding.SILENT)] * len(expected)
        waiting = list(range(len(expected)))
        prober = await self._prober(server)
        while True:
            answers = await prober.ask_all([expected[number].name for number in waiting])
            for number, answer in zip(waiting, answers, strict=True):
                verdicts[number] = self._judge(expected[number], answer, server)
            waiting = [number for number in waiting if verdicts[number].finding is not Finding.PROVEN]
            if not waiting or time.monotonic() + pause_s > until:
                break
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
        if self._depth is not Depth.SERIAL:
            await self._count(server, expected, verdicts)
        if self._depth is Depth.CONTENT:
            await self._read(server, expected, verdicts, before)
        return verdicts

    def _judge(self, expected: Expected, answer: Answer | None, server: Address) -> Verdict:
        verdict = judge(expected, answer, server=_shown(server), authoritative=self._authoritative)
        if verdict.finding is Finding.LINGERING and not self._forgets:
            reason = f"{_shown(server)} goes on answering from memory until it is restarted"
            return Verdict(finding=Finding.PROVEN, serial=verdict.serial, reason=reason)
        return verdict

    async def _read(
        self, server: Address, expected: Sequence[Expected], verdicts: list[Verdict], before: Before
    ) -> None:
        """Compare every record of what is proven so far by transfer; a sample of RRsets where there is none."""
        transfer = self._countable[server.host, server.port]
        for number, wanted in enumerate(expected):
            if verdicts[number].finding is not Finding.PROVEN or wanted.absent or wanted.text is None:
                continue
            try:
                if transfer:
                    found = await read_zone(server.host, server.port, wanted.name, timeout_s=COUNT_TIMEOUT_S)
                    verdicts[number] = judge_content(wanted, verdicts[number], found, server=_shown(server))
                    continue
                proven = await before(wanted.name)
                if differs := await sample(server.host, server.port, wanted.text, before=proven):
                    reason = f"{_shown(server)} {differs}"
                    verdicts[number] = Verdict(finding=Finding.ALTERED, serial=verdicts[number].serial, reason=reason)
            except (OSError, TimeoutError, TransferRefused) as error:
                verdicts[number] = Verdict(
                    finding=Finding.SILENT, reason=f"{_shown(server)}: the content cannot be read: {error}"
                )

    async def _count(self, server: Address, expected: Sequence[Expected], verdicts: list[Verdict]) -> None:
        """Count the records of what the SOA proved, where the server lets us. A refusal is remembered."""
        key = (server.host, server.port)
        numbers = [
            number
            for number, verdict in enumerate(verdicts)
            if verdict.finding is Finding.PROVEN and expected[number].records and not expected[number].absent
        ]
        if not numbers or not self._countable[key]:
            return
        names = [expected[number].name for number in numbers]
        try:
            counts = await self._counters[key].count(names, timeout_s=COUNT_TIMEOUT_S)
        except TransferRefused:
            self._countable[key] = False
            return
        except (OSError, TimeoutError):
            return  # the SOA has proven the serial; what cannot be counted now is not held against the zone
        for number, count in zip(numbers, counts, strict=True):
            verdicts[number] = judge_count(expected[number], verdicts[number], count, server=_shown(server))


def _shown(server: Address) -> str:
    return f"{server.host}#{server.port}"
