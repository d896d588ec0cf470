"""Compare a name server with the store, and queue again what differs. Runs in steps; pushes go first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from directdnsonly.backends.contract import Backend, ZoneObserved
from directdnsonly.outbox.records import Claim
from directdnsonly.outbox.store import WorkStore
from directdnsonly.verify.compare import Expected, Finding
from directdnsonly.verify.verifier import Verifier
from directdnsonly.zone.name import ZoneName


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepFound:
    """Zones looked at, and those that were not as they should be (queued again)."""

    seen: int
    drifted: int


class Sweep:
    """First what the backend stores (files whole, right version), then what its name server answers (serial)."""

    def __init__(self, *, backend: Backend, verifier: Verifier, store: WorkStore, page: int) -> None:
        self._backend = backend
        self._verifier = verifier
        self._store = store
        self._page = page
        self.running = False

    async def run_once(self) -> SweepFound:
        """One pass over all zones that are believed to be served. Raises BackendUnavailable."""
        self.running = True
        try:
            stored = {observed.name: observed async for observed in self._backend.inventory()}
            seen = drifted = 0
            async for page in self._store.wanted(self._backend.name, page=self._page):
                seen += len(page)
                drifted += await self._check(page, stored)
        finally:
            self.running = False
        return SweepFound(seen=seen, drifted=drifted)

    async def _check(self, page: Sequence[Claim], stored: dict[ZoneName, ZoneObserved]) -> int:
        broken = [claim for claim in page if not _is_as_stored(claim, stored.get(claim.name))]
        whole = [claim for claim in page if _is_as_stored(claim, stored.get(claim.name))]
        verdicts = await self._verifier.verify(
            [Expected(name=claim.name, serial=claim.serial, records=0) for claim in whole], patience_s=0.5
        )
        broken += [
            claim for claim, verdict in zip(whole, verdicts, strict=True) if verdict.finding is not Finding.PROVEN
        ]
        if not broken:
            return 0
        return await self._store.requeue(
            self._backend.name, [claim.name for claim in broken], reason="the name server did not serve it as it should"
        )


def _is_as_stored(claim: Claim, observed: ZoneObserved | None) -> bool:
    """Whether the backend holds the version that it should, as far as its medium can tell."""
    if observed is None or not observed.whole:
        return False
    return observed.version is None or observed.version == claim.version
