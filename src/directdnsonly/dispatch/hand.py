"""What a lane has in hand without having claimed it, and what it must give back without having begun it."""

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
    """A claim that came with the commit of its change."""

    claim: Claim
    at: float  # of the monotonic clock


class Hand:
    """One claim that was handed over with its commit, and claims whose end could not be written. Never blocks a commit."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._handed: Handed | None = None
        self._unsettled: list[Claim] = []

    @property
    def is_free(self) -> bool:
        """Whether nothing is in it."""
        return self._handed is None and not self._unsettled

    def take(self, claim: Claim) -> None:
        """Hold this for whoever begins with it next."""
        self._handed = Handed(claim, at=time.monotonic())

    def owe(self, claims: Sequence[Claim]) -> None:
        """Give these back when the store can work; what was settled of them keeps its end, by its fence."""
        self._unsettled += claims

    def begin(self) -> tuple[Claim | None, bool]:
        """What was handed over, if anything; and whether it is too old to begin with, and owed instead."""
        handed, self._handed = self._handed, None
        if handed is None:
            return None, False
        if time.monotonic() - handed.at < FRESH_S:
            return handed.claim, False
        self.owe([handed.claim])  # something stopped us in between: its lease may end before we do
        return None, True

    async def give_back(self) -> None:
        """What is owed need not wait for the end of its lease. Raises OutboxUnavailable: it is owed still."""
        if not self._unsettled:
            return
        claims, self._unsettled = self._unsettled, []
        try:
            await self._work.settle([Settlement(claim=claim, how=Settle.DEFER) for claim in claims])
        except OutboxUnavailable:
            self.owe(claims)
            raise
