"""Proof of what was delivered: the name server's own answers, then what it reads where the backend can look there."""

from __future__ import annotations

from collections.abc import Sequence

from directdnsonly.backends.contract import Backend
from directdnsonly.errors import BackendUnavailable
from directdnsonly.outbox.records import Claim, Kind
from directdnsonly.verify.compare import Depth, Expected, Finding, Verdict, judge_content, judge_stored
from directdnsonly.verify.verifier import Before, Verifier, nothing_before


class Proof:
    """Joins the verifier with the backend's own view."""

    def __init__(
        self, backend: Backend, verifier: Verifier, *, depth: Depth = Depth.COUNT, before: Before = nothing_before
    ) -> None:
        """`before` gives the text of a zone that its name server has proven last."""
        self._backend = backend
        self._verifier = verifier
        self._depth = depth
        self._before = before

    async def verify(self, claims: Sequence[Claim], *, patience_s: float, count: bool = True) -> list[Verdict]:
        """One verdict per claim, in order. `count` False: only whether each zone is there, with the right serial."""
        expected = [_expected(claim, count=count, content=self._depth is Depth.CONTENT) for claim in claims]
        verdicts = await self._verifier.verify(expected, patience_s=patience_s, before=self._before)
        if count and self._backend.capabilities.observes:
            await self._look(expected, verdicts)
        return verdicts

    async def why_silent(self) -> str:
        """Why a name server cannot prove anything now; empty when each of them answers."""
        return await self._verifier.why_silent()

    async def _look(self, expected: Sequence[Expected], verdicts: list[Verdict]) -> None:
        """Where the backend can read what its name server reads, DNS alone is not enough (and may be all we have)."""
        numbers = [number for number, verdict in enumerate(verdicts) if verdict.finding is Finding.PROVEN]
        if not numbers:
            return
        place = self._backend.name
        try:
            found = await self._backend.observe([expected[number].name for number in numbers])
            for number, observed in zip(numbers, found, strict=True):
                wanted, verdict = expected[number], verdicts[number]
                verdicts[number] = judge_stored(
                    wanted,
                    verdict,
                    present=observed is not None,
                    serial=observed.serial if observed else None,
                    records=observed.records if observed and self._depth is not Depth.SERIAL else None,
                    place=place,
                )
                if self._depth is Depth.CONTENT and wanted.text and verdicts[number].finding is Finding.PROVEN:
                    stored = await self._backend.stored(wanted.name)
                    verdicts[number] = judge_content(wanted, verdicts[number], stored, server=place)
        except BackendUnavailable as error:
            for number in numbers:
                verdicts[number] = Verdict(finding=Finding.SILENT, reason=error.reason)


def _expected(claim: Claim, *, count: bool, content: bool) -> Expected:
    return Expected(
        name=claim.name,
        serial=claim.serial,
        records=claim.records if count else 0,
        absent=claim.kind is Kind.DELETE,
        text=claim.text if count and content else None,
    )
