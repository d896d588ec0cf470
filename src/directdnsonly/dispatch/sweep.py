"""Compare a name server with the store, and queue again what differs. Runs in pages; pushes go first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from directdnsonly.backends.contract import Backend, ZoneObserved
from directdnsonly.dispatch.proof import Proof
from directdnsonly.outbox.records import Claim
from directdnsonly.outbox.store import WorkStore
from directdnsonly.verify.compare import Finding

GENTLE_PAGE = 100
SHOWN = 10  # drifted zones that are named in the log


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepFound:
    """Zones looked at, those that were not as they should be (queued again), and the first of them with the reason."""

    seen: int
    drifted: int
    examples: tuple[str, ...] = ()


class Sweep:
    """First what the backend stores (whole, right version, serial, count), then what its name server answers (serial)."""

    def __init__(
        self, *, backend: Backend, proof: Proof, store: WorkStore, page: int, beat: Callable[[], None] = lambda: None
    ) -> None:
        """`beat` is called at each page: the sign that it goes on."""
        self._backend = backend
        self._proof = proof
        self._store = store
        self._page = page
        self._beat = beat
        self.running = False

    async def run_once(self, *, repair: bool = True, gentle: bool = False) -> SweepFound:
        """One pass over all zones that are believed to be served; memory is one page. Raises BackendUnavailable.

        `repair` False: nothing is queued again, `drifted` counts what would be. `gentle`: small pages, and as long a
        pause after each as it took, so that pushes do not feel it.
        """
        self.running = True
        try:
            seen = drifted = 0
            examples: list[str] = []
            size = min(self._page, GENTLE_PAGE) if gentle else self._page
            async for page in self._store.wanted(self._backend.name, page=size):
                began = time.monotonic()
                self._beat()
                seen += len(page)
                broken = await self._broken(page)
                examples += [f"{name}: {reason}" for name, reason in list(broken.items())[: SHOWN - len(examples)]]
                drifted += await self._queue_again(page, broken) if repair else len(broken)
                if gentle:
                    await asyncio.sleep(time.monotonic() - began)
        finally:
            self.running = False
        return SweepFound(seen=seen, drifted=drifted, examples=tuple(examples))

    async def _broken(self, page: Sequence[Claim]) -> dict[str, str]:
        """Zones of a page that are not as they should be, each with the reason."""
        stored = await self._backend.observe([claim.name for claim in page])
        broken = {
            str(claim.name): reason
            for claim, observed in zip(page, stored, strict=True)
            if (reason := _why_not_as_stored(claim, observed))
        }
        whole = [claim for claim in page if claim.name not in broken]
        verdicts = await self._proof.verify(whole, patience_s=0.5, count=False)
        for claim, verdict in zip(whole, verdicts, strict=True):
            if verdict.finding is not Finding.PROVEN:
                broken[str(claim.name)] = verdict.reason
        return broken

    async def _queue_again(self, page: Sequence[Claim], broken: dict[str, str]) -> int:
        """By reason, so that each zone's own is seen while it waits."""
        queued = 0
        for reason in dict.fromkeys(broken.values()):
            names = [claim.name for claim in page if broken.get(claim.name) == reason]
            queued += await self._store.requeue(self._backend.name, names, reason=reason)
        return queued


def _why_not_as_stored(claim: Claim, observed: ZoneObserved | None) -> str:
    """What is wrong with what the backend holds, as far as its medium can tell; empty when nothing is."""
    if observed is None:
        return "is not there"
    if not observed.whole:
        return "is truncated, altered or unreadable"
    if observed.version is not None and observed.version != claim.version:
        return f"is version {observed.version}, wanted {claim.version}"
    if observed.serial is not None and observed.serial != claim.serial:
        return f"has serial {observed.serial}, wanted {claim.serial}"
    if observed.records is not None and observed.records != claim.records:
        return f"has {observed.records} records, wanted {claim.records}"
    return ""
