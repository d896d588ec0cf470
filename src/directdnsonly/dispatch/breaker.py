"""The circuit breaker of one backend: an outage is not a zone's fault. Pure; time comes in as numbers.

    closed --trip--> open --probe due--> half-open --answered--> closed
                       ^                     |
                       +------ failed -------+        (the delay doubles up to a limit)

While it is not closed nothing is attempted and no zone's attempts are burned.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """The state of a circuit breaker: whether deliveries are attempted."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(slots=True, kw_only=True)
class Breaker:
    """The breaker's state, since when (epoch seconds), and why. `cause`: the first failure; `latest`: the last one, if different."""

    delay_s: float
    delay_max_s: float
    since: float
    state: BreakerState = BreakerState.CLOSED
    cause: str = ""
    latest: str = ""
    is_start: bool = False  # it opened because its name server is only starting: the first failure is the cause
    probe_at: float | None = None
    trips: int = 0  # in a row, without a proof of work between them

    @property
    def reason(self) -> str:
        """Why it is not closed, for people: the cause and, if different, the latest failure. Empty if it is closed."""
        return f"{self.cause} (now: {self.latest})" if self.latest else self.cause

    def trip(self, now: float, reason: str, *, is_start: bool = False) -> bool:
        """Note that the whole backend failed; returns whether this opened the circuit (False: it was already open)."""
        opened = self.state is BreakerState.CLOSED
        if opened:
            self.since = now
        if opened or (self.is_start and reason != self.cause):
            self.cause, self.is_start = reason, is_start
        self.latest = reason if reason != self.cause else ""
        if opened or self.state is BreakerState.HALF_OPEN:
            self.trips += 1
            self.probe_at = now + min(self.delay_s * 2 ** (self.trips - 1), self.delay_max_s)
        self.state = BreakerState.OPEN
        return opened

    def follow(self, *, delay_s: float, delay_max_s: float) -> None:
        """Other pauses, from the next failure on."""
        self.delay_s, self.delay_max_s = delay_s, delay_max_s

    def probe(self) -> None:
        """Note that the backend is being probed now."""
        self.state = BreakerState.HALF_OPEN
        self.probe_at = None

    def close(self, now: float) -> float:
        """Close the circuit because the backend answered; returns for how many seconds it was not closed."""
        lasted = now - self.since
        self.state = BreakerState.CLOSED
        self.since = now
        self.cause = self.latest = ""
        self.is_start = False
        self.probe_at = None
        return lasted

    def succeeded(self) -> None:
        """Note that a delivery was proven, so that the next outage starts with the short delay again."""
        self.trips = 0
