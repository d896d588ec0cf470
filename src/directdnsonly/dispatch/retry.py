"""When a failed delivery is tried again. Pure; the due time itself lives in the store and survives restarts."""

from __future__ import annotations

from dataclasses import dataclass

from tenacity import RetryCallState, Retrying, wait_chain, wait_fixed, wait_random
from tenacity.wait import wait_base


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Delays of the original (30 s, 2 m, 5 m, 15 m, 30 m), varied by `jitter`, then give up."""

    delays_s: tuple[float, ...] = (30.0, 120.0, 300.0, 900.0, 1800.0)
    jitter: float = 0.2
    max_attempts: int = 5

    def delay_s(self, failed: int) -> float | None:
        """Seconds to wait after `failed` failures in a row (1 = the first try failed); None: give up.

        The first try and `max_attempts` retries are made, so that every delay is used once.
        """
        if failed > self.max_attempts:
            return None
        state = RetryCallState(_NEVER_RUN, None, (), {})
        state.attempt_number = failed
        return float(self._wait()(state))

    def _wait(self) -> wait_base:
        return wait_chain(
            *(
                wait_fixed(delay * (1 - self.jitter)) + wait_random(0, delay * 2 * self.jitter)
                for delay in self.delays_s
            )
        )


_NEVER_RUN = Retrying()  # tenacity's wait strategies want a call state; no call is ever made through it
