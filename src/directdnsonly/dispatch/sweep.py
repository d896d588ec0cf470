"""Compares a name server with the store and requeues what differs, page by page; pushes take precedence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from directdnsonly.backends.contract import Backend, ZoneObserved
from directdnsonly.dispatch.proof import Proof
from directdnsonly.errors import BackendUnavailable
from directdnsonly.outbox.deliveries import Claim
from directdnsonly.outbox.store.work import Work
from directdnsonly.verify.compare import Finding, Verdict
from directdnsonly.wording import counted

GENTLE_PAGE = 100
SHOWN = 10  # drifted zones that are named in the log
PAUSES = (
    4.5  # the pause of a gentle pass, in times of the work before it: with its threads less than a quarter of one core
)
PATIENCE_S = 0.5  # in which a zone that DNS did not prove at once may do so
DOUBT_S = 1.0  # the longest that such a zone waits for others to be asked again with it


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepFound:
    """The result of a sweep: zones compared, zones that differed (requeued), and the first of those with the reason."""

    seen: int
    drifted: int
    examples: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Pass:
    """What a sweep has found so far."""

    shown: int
    seen: int = 0
    drifted: int = 0
    examples: list[str] = field(default_factory=list)


class Sweep:
    """A comparison of what the backend stores (intact, version, serial, count), then of what its name server answers (serial)."""

    def __init__(
        self,
        *,
        backend: Backend,
        proof: Proof,
        work: Work,
        page: int,
        on_queued: Callable[[], None],
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_queued` is called when zones are requeued, so that they need not wait for the end of the sweep.

        `beat` is called at each page: the sign that it goes on.
        """
        self._backend = backend
        self._proof = proof
        self._work = work
        self.page = page
        self._on_queued = on_queued
        self._beat = beat
        self.running = False

    async def run_once(self, *, repair: bool = True, gentle: bool = False) -> SweepFound:
        """Compare all zones that should be served, holding one page in memory. Raises BackendUnavailable.

        `repair` False: nothing is queued again, `drifted` counts what would be. `gentle`: small pages, and after each a
        pause some times as long as it took, so that pushes do not feel it.
        """
        self.running = True
        pass_ = _Pass(shown=SHOWN)
        doubtful: list[Claim] = []
        since = 0.0  # when the first of them was found wanting
        size = min(self.page, GENTLE_PAGE) if gentle else self.page
        resumed = time.monotonic()  # the reading of the page, too, is work that a pause makes up for
        try:
            async for page in self._work.wanted(self._backend.name, page=size):
                began = time.monotonic()
                self._beat()
                broken, unproven = await self._broken(page)
                await self._note(pass_, page, broken, repair=repair)
                pass_.seen += len(page)
                since = since if doubtful else began
                doubtful += unproven
                if gentle:
                    await asyncio.sleep((time.monotonic() - resumed) * PAUSES)
                if doubtful and (len(doubtful) >= size or time.monotonic() - since > DOUBT_S):
                    await self._note(pass_, doubtful, await self._still_unproven(doubtful), repair=repair)
                    doubtful = []
                resumed = time.monotonic()  # the patience with doubtful ones is no work
            await self._note(pass_, doubtful, await self._still_unproven(doubtful), repair=repair)
        finally:
            self.running = False
        return SweepFound(seen=pass_.seen, drifted=pass_.drifted, examples=tuple(pass_.examples))

    async def _note(self, pass_: _Pass, page: Sequence[Claim], broken: dict[str, str], *, repair: bool) -> None:
        """Count what is broken; with `repair`, queue it again. What was pushed since the page was read is no drift."""
        page = [claim for claim in page if claim.name in broken]
        if page:
            page = await self._work.still_wanted(self._backend.name, page)
            broken = {str(claim.name): broken[claim.name] for claim in page}
        pass_.examples += [f"{name}: {reason}" for name, reason in broken.items()][: pass_.shown - len(pass_.examples)]
        pass_.drifted += await self._queue_again(page, broken) if repair else len(broken)

    async def _broken(self, page: Sequence[Claim]) -> tuple[dict[str, str], list[Claim]]:
        """The zones of a page that are not stored correctly, each with the reason, and those that DNS did not prove."""
        stored = await self._backend.observe([claim.name for claim in page])
        broken = {
            str(claim.name): reason
            for claim, observed in zip(page, stored, strict=True)
            if (reason := _why_not_as_stored(claim, observed))
        }
        whole = [claim for claim in page if claim.name not in broken]
        return broken, [claim for claim, _ in await self._unproven(whole, patience_s=0.0)]

    async def _still_unproven(self, claims: Sequence[Claim]) -> dict[str, str]:
        """Ask again with a longer timeout about the unproven zones, many at once since they share the timeout."""
        if not claims:
            return {}
        return {
            str(claim.name): verdict.reason for claim, verdict in await self._unproven(claims, patience_s=PATIENCE_S)
        }

    async def _unproven(self, claims: Sequence[Claim], *, patience_s: float) -> list[tuple[Claim, Verdict]]:
        """The zones that DNS did not prove. Raises BackendUnavailable if nothing answers at all."""
        verdicts = await self._proof.verify(claims, patience_s=patience_s, count=False)
        silent = any(verdict.finding is Finding.SILENT for verdict in verdicts)
        if silent and (reason := await self._proof.why_silent()):
            raise BackendUnavailable(reason, backend=self._backend.name)
        return [
            (claim, verdict)
            for claim, verdict in zip(claims, verdicts, strict=True)
            if verdict.finding is not Finding.PROVEN
        ]

    async def _queue_again(self, page: Sequence[Claim], broken: dict[str, str]) -> int:
        """Requeue zones grouped by reason, so that each shows its own while it waits."""
        queued = 0
        for reason in dict.fromkeys(broken.values()):
            claims = [claim for claim in page if broken[claim.name] == reason]
            names, versions = [claim.name for claim in claims], [claim.version for claim in claims]
            queued += await self._work.requeue(self._backend.name, names, reason=reason, versions=versions)
        if queued:
            self._on_queued()
        return queued


def _why_not_as_stored(claim: Claim, observed: ZoneObserved | None) -> str:
    """What is wrong with the stored copy, as far as the backend can tell; empty if nothing is."""
    if observed is None:
        return "is not there"
    if not observed.whole:
        counted = "" if observed.records in {None, claim.records} else f" ({_counts(observed, claim)})"
        return f"is truncated, altered or unreadable{counted}"
    if observed.version is not None and observed.version != claim.version:
        return f"is version {observed.version}, wanted {claim.version}"
    if observed.serial is not None and observed.serial != claim.serial:
        return f"has serial {observed.serial}, wanted {claim.serial}"
    if observed.records is not None and observed.records != claim.records:
        return _counts(observed, claim)
    return ""


def _counts(observed: ZoneObserved, claim: Claim) -> str:
    return f"has {counted(observed.records or 0, 'record')}, wanted {claim.records}"
