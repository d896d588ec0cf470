"""Reports on a lane: a log line for each delivery, metrics, and the present status."""

from __future__ import annotations

from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from directdnsonly.advice import NO_ADDRESS
from directdnsonly.clock import Clock
from directdnsonly.dispatch.batch import BatchLog
from directdnsonly.dispatch.breaker import BreakerState
from directdnsonly.dispatch.delivery import AttemptReport
from directdnsonly.dispatch.record import DeliveryRecorder
from directdnsonly.outbox.deliveries import Settle, Settlement


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStatus:
    """A lane's status as shown to operators."""

    backend: str
    breaker: BreakerState
    since: float
    reason: str
    paused: str  # who has stopped it and why; empty when it works
    proven: int
    failed: int
    median_proven_s: float | None
    sweeping: bool
    batch_zones: int  # that were taken since the lane was empty
    proves: bool = True  # False: no address of a name server is known, so nobody can be asked


class DeliveryLog:
    """Logs and counts the outcomes of one backend's attempts."""

    def __init__(
        self,
        *,
        backend: str,
        clock: Clock,
        log: FilteringBoundLogger,
        recorder: DeliveryRecorder,
        batch: BatchLog,
        proves: bool = True,
    ) -> None:
        """`proves` False: there is no name server to ask, so a finished delivery is stored, not proven."""
        self._backend = backend
        self._clock = clock
        self._log = log
        self._recorder = recorder
        self._batch = batch
        self._proves = proves

    def tell(self, report: AttemptReport) -> None:
        """Log one canonical line for each zone of an attempt, and count it."""
        for end in report.settlements:
            self._tell(end, report)

    def _tell(self, end: Settlement, report: AttemptReport) -> None:
        claim = end.claim
        stored_only = end.how is Settle.VERIFIED and not self._proves
        self._recorder.attempted(self._backend, "stored" if stored_only else end.how)
        facts = {
            "backend": self._backend,
            "zone": str(claim.name),
            "version": claim.version,
            "serial": claim.serial,
            "kind": str(claim.kind),
            "attempt": claim.attempts + 1,
            "change_id": claim.change_id,
        }
        match end.how:
            case Settle.VERIFIED if stored_only:
                self._log.info("delivery.stored", **facts, reason=NO_ADDRESS, apply_ms=round(report.apply_s * 1e3, 1))
            case Settle.VERIFIED:
                elapsed_s = max(self._clock.now_s() - claim.wanted_at, 0.0)
                self._batch.proven(elapsed_s)
                applied_s = max(elapsed_s - report.verify_s, 0.0)
                self._recorder.proven(self._backend, applied_s=applied_s, proven_s=elapsed_s)
                self._log.info(
                    "delivery.verified",
                    **facts,
                    **({"reason": end.reason} if end.reason else {}),
                    apply_ms=round(report.apply_s * 1e3, 1),
                    verify_ms=round(report.verify_s * 1e3, 1),
                    proven_ms=round(elapsed_s * 1e3, 1),
                )
            case Settle.RETRY:
                wait_s = round((end.due_at or 0) - self._clock.now_s(), 1)
                self._log.warning("delivery.retried", **facts, reason=end.reason, again_in_s=wait_s)
            case Settle.BURY:
                self._log.error("delivery.buried", **facts, reason=end.reason)
            case _:
                self._log.debug("delivery.deferred", **facts, reason=end.reason)
