"""Proof by DNS: queries every name server of a backend until each zone is served as expected, or time is up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from directdnsonly.verify.compare import Depth, Expected, Finding, Verdict, judge, judge_content, judge_count
from directdnsonly.verify.content import read_zone, rewritten, sample
from directdnsonly.verify.query import SoaProber
from directdnsonly.verify.transfer import TransferCounter, TransferRefused, Uncounted
from directdnsonly.verify.wire import Answer
from directdnsonly.wording import words_of
from directdnsonly.zone.name import ZoneName

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.001, 0.05
# For so long nothing may come of a zone's transfer, or of a question; less in a first look, so that it delays no neighbour.
FIRST_STALL_S, STALL_S = 0.25, 2.0
RRSETS_S = 5.0  # for asking the RRsets of zones whose transfer cannot be read, all of a batch together
LOOK_TRIES = 5  # two seconds: whoever is told that a name server is silent acts on it
ANY_NAME = ZoneName.trusted("directdnsonly.invalid")  # RFC 6761: nobody serves it, but any server answers


Before = Callable[[ZoneName], Awaitable[str | None]]


async def nothing_before(_name: ZoneName) -> str | None:
    """None for every zone: no version is known to have been proven."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A name server's answer just now, and the verdict on it. `answer`: None if none came."""

    server: str
    verdict: Verdict
    answer: Answer | None
    elapsed_s: float


class Address(Protocol):
    """Where a name server answers."""

    @property
    def host(self) -> str: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102


class Verifier:
    """Queries the name servers of one backend. A zone is proven if all of them prove it (or if there are none)."""

    def __init__(
        self,
        servers: Sequence[Address],
        *,
        allows_transfer: bool,
        depth: Depth = Depth.COUNT,
        authoritative: bool = True,
        forgets: bool = True,
        rewrites: bool = False,
    ) -> None:
        """`authoritative`: answers must have AA set. `forgets`: a deleted zone must no longer be answered.

        `rewrites`: what the name server reads may be another record than was written: such RRsets are always asked.
        """
        self._servers = tuple(servers)
        self._depth = depth
        self._authoritative = authoritative
        self._forgets = forgets
        self._rewrites = rewrites
        self._probers: dict[tuple[str, int], SoaProber] = {}
        self._counters = {
            (server.host, server.port): TransferCounter(server.host, server.port) for server in self._servers
        }
        self._transfers = allows_transfer

    async def verify(
        self, expected: Sequence[Expected], *, patience_s: float, before: Before = nothing_before, first: bool = False
    ) -> list[Verdict]:
        """One verdict per expectation, in order. Polls at least once, at intervals growing from a millisecond.

        `first`: there will be another look at what is not proven now, so that what is only slow delays no neighbour.

        `before` gives the text that was proven last; it is only asked where RRsets stand for a transfer.
        """
        verdicts = [Verdict(finding=Finding.PROVEN)] * len(expected)
        if len(self._servers) == 1:
            return await self._verify_at(self._servers[0], expected, patience_s, before, first=first)
        asking = (self._verify_at(server, expected, patience_s, before, first=first) for server in self._servers)
        for found in await asyncio.gather(*asking):
            verdicts = [
                later if verdict.finding is Finding.PROVEN else verdict
                for verdict, later in zip(verdicts, found, strict=True)
            ]
        return verdicts

    async def ask(self, expected: Expected, *, before: Before = nothing_before) -> list[Said]:
        """What each name server answers now, judged as for proof, without waiting for a change."""
        return list(await asyncio.gather(*(self._ask_at(server, expected, before) for server in self._servers)))

    async def _ask_at(self, server: Address, expected: Expected, before: Before) -> Said:
        began = time.perf_counter()
        try:
            answer = await (await self._prober(server)).ask(expected.name, tries=LOOK_TRIES)
        except OSError as error:  # there is no way to the address
            reason = f"{_shown(server)}: {error.strerror or error}"
            verdict = Verdict(finding=Finding.SILENT, reason=reason)
            return Said(server=_shown(server), verdict=verdict, answer=None, elapsed_s=time.perf_counter() - began)
        elapsed_s = time.perf_counter() - began
        verdicts = [self._judge(expected, answer, server)]
        await self._records(_Look(server, [expected], verdicts, before, first=False), _with(Finding.PROVEN, verdicts))
        return Said(server=_shown(server), verdict=verdicts[0], answer=answer, elapsed_s=elapsed_s)

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
        """Why a name server cannot prove anything now; empty if all of them answer."""
        for server in self._servers:
            prober = await self._prober(server)
            if await prober.ask(ANY_NAME) is None:
                return f"{_shown(server)} does not answer"
        return ""

    async def _verify_at(
        self, server: Address, expected: Sequence[Expected], patience_s: float, before: Before, *, first: bool
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
        proven = _with(Finding.PROVEN, verdicts)
        look = partial(_Look, server, expected, verdicts, before, first=first)
        await self._records(look(), proven)
        await self._until_replaced(look, [number for number in proven if _is_other(verdicts[number])], until)
        return verdicts

    async def _until_replaced(self, look: Callable[[], _Look], others: Sequence[int], until: float) -> None:
        """Check again if other content is served under the right serial, as it may be the old content about to be replaced."""
        pause_s = FIRST_PAUSE_S
        while time.monotonic() + pause_s < until:
            again = look()
            others = [
                number for number in others if again.is_other(number) and self._may_change(again.expected[number])
            ]
            if not others:
                return
            await asyncio.sleep(pause_s)
            began_at = time.monotonic()
            again.forget(others)
            await self._records(again, others)
            pause_s = max(min(pause_s * 1.5, LONGEST_PAUSE_S), 2 * (time.monotonic() - began_at))  # reading costs more

    def _may_change(self, expected: Expected) -> bool:
        """Whether the serial does not identify the content, or a cache may keep an RRset longer than the SOA."""
        return expected.unsure or self._rewrites

    def _judge(self, expected: Expected, answer: Answer | None, server: Address) -> Verdict:
        verdict = judge(expected, answer, server=_shown(server), authoritative=self._authoritative)
        if verdict.finding is Finding.LINGERING and not self._forgets:
            reason = f"{_shown(server)} goes on answering from memory until it is restarted"
            return Verdict(finding=Finding.PROVEN, serial=verdict.serial, reason=reason)
        return verdict

    async def _records(self, look: _Look, numbers: Sequence[int]) -> None:
        """Check what the serial does not show: the number of records, or every record, as far as requested and possible."""
        wanted = [number for number in numbers if not look.expected[number].absent]
        if self._transfers and self._depth is not Depth.SERIAL:
            counted = [number for number in wanted if look.expected[number].records]
            await look.count(self._counters[look.server.host, look.server.port], counted)
        for number in wanted:
            if self._compares(look.expected[number]) and look.is_proven(number) and number not in look.asked:
                await (look.read(number) if self._transfers else look.ask(number))
            if self._rewrites and look.expected[number].text is not None and look.is_proven(number):
                await look.ask_rewritten(number)

    def _compares(self, expected: Expected) -> bool:
        return expected.text is not None and (self._depth is Depth.CONTENT or expected.unsure)


class _Look:
    """A check of the records of some zones on one server; if a transfer fails, RRsets are queried within a time limit."""

    def __init__(
        self,
        server: Address,
        expected: Sequence[Expected],
        verdicts: list[Verdict],
        before: Before,
        *,
        first: bool,
    ) -> None:
        self.server, self._shown = server, _shown(server)
        self.expected, self._verdicts = expected, verdicts
        self._before = before
        self._first = first
        self._stall_s = FIRST_STALL_S if first else STALL_S
        self._until: float | None = None
        self.asked: set[int] = set()  # whose RRsets stand for their transfer

    def is_proven(self, number: int) -> bool:
        """Whether the zone is proven so far."""
        return self._verdicts[number].finding is Finding.PROVEN

    def is_other(self, number: int) -> bool:
        """Whether other content was found."""
        return _is_other(self._verdicts[number])

    def forget(self, numbers: Sequence[int]) -> None:
        """Drop the findings on these zones, so that only their serial counts again."""
        for number in numbers:
            self._verdicts[number] = Verdict(finding=Finding.PROVEN, serial=self._verdicts[number].serial)

    async def count(self, counter: TransferCounter, numbers: Sequence[int]) -> None:
        """Count their records by AXFR."""
        if not numbers:
            return
        names = [self.expected[number].name for number in numbers]
        counts: Sequence[int | Uncounted]
        try:
            counts = await counter.count(names, stall_s=self._stall_s)
        except (OSError, TimeoutError, TransferRefused) as error:
            what = "transfers are refused" if isinstance(error, TransferRefused) else words_of(error)
            counts = [Uncounted(what, slow=isinstance(error, TimeoutError))] * len(names)
        for number, count in zip(numbers, counts, strict=True):
            if isinstance(count, Uncounted):
                await self._instead(number, count.reason, slow=count.slow)
            else:
                self._verdicts[number] = judge_count(
                    self.expected[number], self._verdicts[number], count, server=self._shown
                )

    async def read(self, number: int) -> None:
        """Compare every record, by AXFR."""
        wanted = self.expected[number]
        try:
            found = await read_zone(self.server.host, self.server.port, wanted.name, stall_s=self._stall_s)
        except (OSError, TimeoutError, TransferRefused) as error:
            what = f"the transfer is answered {error}" if isinstance(error, TransferRefused) else words_of(error)
            await self._instead(number, what, slow=isinstance(error, TimeoutError))
            return
        self._verdicts[number] = judge_content(wanted, self._verdicts[number], found, server=self._shown)

    async def _instead(self, number: int, reason: str, *, slow: bool) -> None:
        """Query RRsets because the transfer failed; a transfer that is only slow gets a longer limit first."""
        if slow and self._first:
            self._unread(number, reason)
        else:
            await self.ask(number, why=reason)

    async def ask(self, number: int, *, why: str = "") -> None:
        """Compare a sample of a zone's RRsets, changed ones first."""
        self.asked.add(number)
        wanted = self.expected[number]
        if wanted.text is None:
            self._unread(number, why)
            return
        if why and not self._has_time():
            self._unread(number, f"{why}; its RRsets were not asked: those of others took too long")
            return
        try:
            proven = await self._before(wanted.name)
            differs = await sample(
                self.server.host, self.server.port, wanted.text, before=proven, limit_s=self._stall_s
            )
        except (OSError, TimeoutError) as error:
            self._unread(number, "; ".join(filter(None, (why, words_of(error)))))
            return
        self._judge(number, differs)

    async def ask_rewritten(self, number: int) -> None:
        """Compare those RRsets of a zone that the name server may interpret differently."""
        try:
            text = self.expected[number].text or ""
            differs = await rewritten(self.server.host, self.server.port, text, limit_s=self._stall_s)
        except (OSError, TimeoutError) as error:
            self._unread(number, words_of(error))
            return
        self._judge(number, differs)

    def _has_time(self) -> bool:
        now = time.monotonic()
        self._until = self._until or now + RRSETS_S
        return now < self._until

    def _judge(self, number: int, differs: str) -> None:
        if differs:
            self._set(number, Finding.ALTERED, f"{self._shown} {differs}")

    def _unread(self, number: int, why: str) -> None:
        self._set(number, Finding.UNREAD, f"not proven: {self._shown} answers, but its records cannot be read: {why}")

    def _set(self, number: int, finding: Finding, reason: str) -> None:
        self._verdicts[number] = Verdict(finding=finding, serial=self._verdicts[number].serial, reason=reason)


def _with(finding: Finding, verdicts: Sequence[Verdict]) -> list[int]:
    return [number for number, verdict in enumerate(verdicts) if verdict.finding is finding]


def _is_other(verdict: Verdict) -> bool:
    return verdict.finding in {Finding.MISCOUNT, Finding.ALTERED}


def _shown(server: Address) -> str:
    return f"{server.host}#{server.port}"
