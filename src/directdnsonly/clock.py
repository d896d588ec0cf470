"""Clocks, which are passed in so that tests can move time.

`SystemClock` is steady: it reads the wall clock once and goes on by the monotonic clock, so that a clock that is
set an hour forth or back while we run neither delays nor hurries a retry.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The source of time for the service."""

    def now_s(self) -> float:
        """Seconds since the epoch; never goes back while the process lives."""
        ...

    def wall(self) -> datetime:
        """The time of day as people see it (aware, UTC); may jump."""
        ...


class SystemClock:
    """The real clock."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now_s(self) -> float:
        """Epoch seconds, advanced by the monotonic clock since start."""
        return time.monotonic() + self._offset_s

    def wall(self) -> datetime:
        """The present time (aware, UTC)."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_s: float = 1_800_000_000.0) -> None:
        self._now_s = now_s

    def now_s(self) -> float:
        """The time last set."""
        return self._now_s

    def wall(self) -> datetime:
        """The time last set, as a datetime."""
        return datetime.fromtimestamp(self._now_s, UTC)

    def advance(self, seconds: float) -> None:
        """Move forward (or back, with a negative number)."""
        self._now_s += seconds
