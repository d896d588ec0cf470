"""Proof: ask every name server of a backend until each zone is served as wanted, or patience is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

from directdnsonly.verify.compare import Expected, Finding, Verdict, judge, judge_count
from directdnsonly.verify.query import SoaProber, TransferRefused, count_records
from directdnsonly.zone.name import ZoneName

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.001, 0.05
COUNT_TIMEOUT_S = 10.0
ANY_NAME = ZoneName.trusted("directdnsonly.invalid")  # RFC 6761: nobody serves it, but any server answers


class Address(Protocol):
    """Where a name server answers."""

    @property
    def host(self) -> str: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102


class Verifier:
    """Asks the name servers of one backend. A zone is proven when all of them prove it."""

    def __init__(self, servers: Sequence[Address], *, allows_transfer: bool) -> None:
        self._servers = tuple(servers)
        self._probers: dict[tuple[str, int], SoaProber] = {}
        self._countable = {(server.host, server.port): allows_transfer for server in servers}

    async def verify(self, expected: Sequence[Expected], *, patience_s: float) -> list[Verdict]:
        """One verdict per expectation, in order. Polls from a millisecond on, growing; at least once."""
        verdicts = [Verdict(finding=Finding.PROVEN)] * len(expected)
        for server in self._servers:
            open_ones = [number for number, verdict in enumerate(verdicts) if verdict.finding is Finding.PROVEN]
            found = await self._verify_at(server, [expected[number] for number in open_ones], patience_s)
            for number, verdict in zip(open_ones, found, strict=True):
                verdicts[number] = verdict
        return verdicts

    def close(self) -> None:
        """Release the sockets."""
        for prober in self._probers.values():
            prober.close()
        self._probers.clear()

    async def _prober(self, server: Address) -> SoaProber:
        key = (server.host, server.port)
        if key not in self._probers:
            self._probers[key] = await SoaProber.open(server.host, server.port)
        return self._probers[key]

    async def why_silent(self) -> str:
        """Why a name server cannot prove anything now; empty when each of them answers."""
        for server in self._servers:
            prober = await self._prober(server)
            if await prober.ask(ANY_NAME) is None:
                return f"{_shown(server)} does not answer"
        return ""

    async def _verify_at(self, server: Address, expected: Sequence[Expected], patience_s: float) -> list[Verdict]:
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
                verdicts[number] = judge(expected[number], answer, server=_shown(server))
            waiting = [number for number in waiting if verdicts[number].finding is not Finding.PROVEN]
            if not waiting or time.monotonic() + pause_s > until:
                break
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
        await self._count(server, expected, verdicts)
        return verdicts

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
            counts = await count_records(server.host, server.port, names, timeout_s=COUNT_TIMEOUT_S)
        except TransferRefused:
            self._countable[key] = False
            return
        except (OSError, TimeoutError):
            return  # the SOA has proven the serial; what cannot be counted now is not held against the zone
        for number, count in zip(numbers, counts, strict=True):
            verdicts[number] = judge_count(expected[number], verdicts[number], count, server=_shown(server))


def _shown(server: Address) -> str:
    return f"{server.host}#{server.port}"
