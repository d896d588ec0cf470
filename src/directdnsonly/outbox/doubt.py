"""Guards against a clock that jumped ahead while we were down: what we forget because of it would be gone for good. Pure.

A machine may start with a wrong clock (an empty battery, a restored image) and be put right minutes later. So time, as
far as forgetting and the graces of orphans go by it, runs on from what the store saw last; a clock that has leapt is
believed when the service has run with it for a week.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAP_S = 3 * 86_400.0  # a longer stop than a weekend's is doubted as well, which costs a week's worth of room
CALM_S = 7 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """The trusted time (epoch seconds), and for how many seconds we have run since the clock jumped (0: it did not)."""

    at: float
    ran_s: float = 0.0
    leapt: bool = False


def judge(before: Believed, *, now: float, ran_s: float) -> Believed:
    """The trusted time when the clock says `now`, `ran_s` seconds of running after `before`."""
    ahead_s = now - (before.at + ran_s)
    if ahead_s <= LEAP_S:
        return Believed(at=now)
    run_s = before.ran_s + ran_s
    if run_s >= CALM_S:
        return Believed(at=now)
    return Believed(at=before.at + ran_s, ran_s=run_s, leapt=True)
