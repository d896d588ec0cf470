"""The retry delays of failed deliveries. Pure; the due time itself is in the store and survives restarts.

Plain arithmetic: tenacity repeats a call and waits in between, and for these delays nobody waits. It stands where a call
is repeated at once: in `delivery` (a connection that was dropped) and `mysql.server` (a transaction that others were in
the way of).
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """The delays of the original directdnsonly (30 s, 2 m, 5 m, 15 m, 30 m), varied by `jitter`; then the delivery is dead."""

    delays_s: tuple[float, ...] = (30.0, 120.0, 300.0, 900.0, 1800.0)
    jitter: float = 0.2
    max_attempts: int = 5

    def delay_s(self, failed: int) -> float | None:
        """Seconds to wait after `failed` consecutive failures (1: the first attempt failed); None: give up.

        The first try and `max_attempts` retries are made, so that every delay is used once; the last one repeats.
        """
        if failed > self.max_attempts:
            return None
        delay_s = self.delays_s[min(failed, len(self.delays_s)) - 1]
        return delay_s * random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 - no secret
