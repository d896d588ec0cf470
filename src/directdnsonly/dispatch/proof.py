"""Proof of deliveries: the name servers' own answers, and what the backend reads back from storage if it can."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from directdnsonly.backends.contract import Backend, ZoneObserved
from directdnsonly.errors import BackendUnavailable
from directdnsonly.outbox.changes import Kind
from directdnsonly.outbox.deliveries import Claim
from directdnsonly.verify.compare import Depth, Expected, Finding, Verdict, judge_content, judge_stored
from directdnsonly.verify.verifier import Before, Said, Verifier, nothing_before
from directdnsonly.zone.name import ZoneName

FEW = 8  # zones for which the backend is looked at while the name server is asked: somebody waits for them
OLD_S = 0.05  # what was seen longer ago than this, while the name server was still at it, is looked at again


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is known of one zone now. `said`: empty if nobody can be asked; `stored`: None if the backend cannot read back."""

    said: tuple[Said, ...]
    stored: Verdict | None = None


class Proof:
    """Combines the DNS verifier with what the backend reads back."""

    def __init__(
        self, backend: Backend, verifier: Verifier, *, depth: Depth = Depth.COUNT, before: Before = nothing_before
    ) -> None:
        """`before` returns the zone text that the name server has last proven."""
        self._backend = backend
        self._verifier = verifier
        self._depth = depth
        self._before = before

    async def verify(
        self, claims: Sequence[Claim], *, patience_s: float, count: bool = True, first: bool = False
    ) -> list[Verdict]:
        """One verdict per claim, in order. `count` False: only whether each zone is there, with the right serial.

        `first`: see Verifier.
        """
        expected = [_expected(claim, count=count) for claim in claims]
        looks = count and self._backend.capabilities.observes
        if not looks or len(expected) > FEW:
            verdicts = await self._verifier.verify(expected, patience_s=patience_s, before=self._before, first=first)
            seen = None
        else:
            verdicts, seen = await self._beside(expected, patience_s, first=first)
        if looks:
            await self._look(expected, verdicts, seen)
        return verdicts

    async def ask(self, wanted: Expected, *, limit_s: float) -> Asked:
        """What each name server answers now and what the backend stores, judged as for proof. An outage is a result, not an error.

        `limit_s`: for the backend; the name servers have their own.
        """
        said, stored = await asyncio.gather(
            self._verifier.ask(wanted, before=self._before), self._ask_stored(wanted, limit_s)
        )
        return Asked(said=tuple(said), stored=stored)

    async def _ask_stored(self, wanted: Expected, limit_s: float) -> Verdict | None:
        if not self._backend.capabilities.observes:
            return None
        verdicts = [Verdict(finding=Finding.PROVEN, serial=None if wanted.absent else wanted.serial)]
        try:
            async with asyncio.timeout(limit_s):
                await self._look([wanted], verdicts, None)
        except TimeoutError:
            return Verdict(finding=Finding.SILENT, reason=f"{self._backend.name} gives no answer in {limit_s:g} s")
        return verdicts[0]

    async def why_silent(self) -> str:
        """Why a name server cannot prove anything now; empty if all of them answer."""
        return await self._verifier.why_silent()

    async def _beside(
        self, expected: Sequence[Expected], patience_s: float, *, first: bool
    ) -> tuple[list[Verdict], Sequence[ZoneObserved | None] | None]:
        """Ask the name server while reading back what is stored; None for the latter if it failed or is stale."""
        began_at = time.monotonic()
        async with asyncio.TaskGroup() as both:
            looking = both.create_task(self._seen([one.name for one in expected]), name="proof:look")
            verdicts = await self._verifier.verify(expected, patience_s=patience_s, before=self._before, first=first)
        return verdicts, looking.result() if time.monotonic() - began_at < OLD_S else None

    async def _seen(self, names: Sequence[ZoneName]) -> Sequence[ZoneObserved | None] | None:
        """What the backend has stored; None if it cannot read back now (a second request raises the reason)."""
        try:
            return await self._backend.observe(names)
        except BackendUnavailable:
            return None

    async def _look(
        self,
        expected: Sequence[Expected],
        verdicts: list[Verdict],
        seen: Sequence[ZoneObserved | None] | None,
    ) -> None:
        """Read back what is stored, if the backend can: then an answer by DNS alone is not enough proof."""
        numbers = [number for number, verdict in enumerate(verdicts) if verdict.finding is Finding.PROVEN]
        if not numbers:
            return
        place = self._backend.name
        try:
            if seen is None:
                found = await self._backend.observe([expected[number].name for number in numbers])
            else:
                found = [seen[number] for number in numbers]
            for number, observed in zip(numbers, found, strict=True):
                wanted, verdict = expected[number], verdicts[number]
                verdicts[number] = judge_stored(
                    wanted,
                    verdict,
                    present=observed is not None,
                    serial=observed.serial if observed else None,
                    records=observed.records if observed and self._depth is not Depth.SERIAL else None,
                    place=place,
                    whole=observed is None or observed.whole,
                )
                compares = self._depth is Depth.CONTENT or wanted.unsure
                if compares and wanted.text and verdicts[number].finding is Finding.PROVEN:
                    stored = await self._backend.stored(wanted.name)
                    verdicts[number] = judge_content(wanted, verdicts[number], stored or (), server=place)
        except BackendUnavailable as error:
            for number in numbers:
                verdicts[number] = Verdict(finding=Finding.SILENT, reason=error.reason)


def _expected(claim: Claim, *, count: bool) -> Expected:
    return Expected(
        name=claim.name,
        serial=claim.serial,
        records=claim.records if count else 0,
        absent=claim.kind is Kind.DELETE,
        text=claim.text if count else None,
        unsure=count and claim.unsure,
    )
