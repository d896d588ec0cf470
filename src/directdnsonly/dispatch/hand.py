"""What a lane has been handed without claiming it, and what it must return without having started it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.deliveries import Claim, Settle, Settlement
from directdnsonly.outbox.store.work import Work

FRESH_S = 1.0  # what was handed to a lane is begun in the same turn of the loop; what was not is claimed like all else


@dataclass(frozen=True, slots=True)
class Handed:
    """A claim that was leased in the same commit as its change."""

    claim: Claim
    at: float  # of the monotonic clock


class Hand:
    """Holds one handed-over claim, and claims whose settlement could not be written. Never blocks a commit."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._handed: Handed | None = None
        self._unsettled: list[Claim] = []

    @property
    def is_free(self) -> bool:
        """Whether no claim has been handed over."""
        return self._handed is None and not self._unsettled

    def take(self, claim: Claim) -> None:
        """Hold a claim for the next worker."""
        self._handed = Handed(claim, at=time.monotonic())

    def owe(self, claims: Sequence[Claim]) -> None:
        """Return these claims once the store works; those that were settled stay so, because their fence no longer holds."""
        self._unsettled += claims

    def begin(self) -> tuple[Claim | None, bool]:
        """The claim that was handed over, if any, and whether it is too old to start and must be returned instead."""
        handed, self._handed = self._handed, None
        if handed is None:
            return None, False
        if time.monotonic() - handed.at < FRESH_S:
            return handed.claim, False
        self.owe([handed.claim])  # something stopped us in between: its lease may end before we do
        return None, True

    async def give_back(self) -> None:
        """Return owed claims without waiting for their leases to expire. Raises OutboxUnavailable; then they stay owed."""
        if not self._unsettled:
            return
        claims, self._unsettled = self._unsettled, []
        try:
            await self._work.settle([Settlement(claim=claim, how=Settle.DEFER) for claim in claims])
        except OutboxUnavailable:
            self.owe(claims)
            raise
