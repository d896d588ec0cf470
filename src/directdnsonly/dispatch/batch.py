"""Batch statistics of one lane: a batch begins with the first work and ends when the lane is idle."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from directdnsonly.clock import Clock
from directdnsonly.dispatch.record import DeliveryRecorder, NobodyCounts

SAMPLES = 512  # newest push -> proven times kept for the status


@dataclass(slots=True, kw_only=True)
class BatchLog:
    """Counts zones, failures and time; logs `batch.started` and `batch.completed` for work of more than one zone."""

    backend: str
    clock: Clock
    log: FilteringBoundLogger
    recorder: DeliveryRecorder = field(default_factory=NobodyCounts)
    busy: int = 0
    zones: int = 0
    failed: int = 0
    started_at: float = 0.0
    announced: bool = False
    proven_total: int = 0
    failed_total: int = 0
    proven_s: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES))

    def begin(self, zones: int) -> None:
        """A worker took this many zones."""
        if self.zones == 0:
            self.started_at = self.clock.now_s()
        self.busy += 1
        self.zones += zones
        if self.zones > 1 and not self.announced:
            self.announced = True
            self.log.info("batch.started", backend=self.backend)

    def end(self, *, proven: int, failed: int, given_back: int) -> None:
        """A worker finished; deliveries put back without an attempt are counted when they are taken again."""
        self.busy -= 1
        self.zones -= given_back
        self.failed += failed
        self.proven_total += proven
        self.failed_total += failed

    def idle(self) -> None:
        """A worker found nothing due; the last one to do so ends the batch."""
        if self.busy or not self.zones:
            return
        elapsed_s = max(self.clock.now_s() - self.started_at, 1e-6)
        self.recorder.batch(self.backend, zones=self.zones, seconds=elapsed_s)
        if self.announced:
            self.log.info(
                "batch.completed",
                backend=self.backend,
                zones=self.zones,
                failed=self.failed,
                elapsed_s=round(elapsed_s, 3),
                zones_per_s=round(self.zones / elapsed_s, 1),
            )
        self.zones = self.failed = 0
        self.announced = False

    def proven(self, seconds: float) -> None:
        """A zone was proven this long after its push was recorded."""
        self.proven_s.append(seconds)

    def median_proven_s(self) -> float | None:
        """The median time from push to proof of the newest deliveries, in seconds; None before the first."""
        ordered = sorted(self.proven_s)
        return ordered[len(ordered) // 2] if ordered else None
