"""What a lane tells of an attempt: one line for each zone, what is counted, and the times of what was proven."""

from __future__ import annotations

import pytest
from structlog.testing import CapturingLogger

from directdnsonly.clock import ManualClock
from directdnsonly.dispatch.batch import BatchLog
from directdnsonly.dispatch.delivery import AttemptReport
from directdnsonly.dispatch.telling import DeliveryLog
from directdnsonly.outbox.changes import Kind, Priority
from directdnsonly.outbox.deliveries import Claim, Settle, Settlement
from directdnsonly.zone.name import ZoneName


class Counted:
    """A DeliveryRecorder that keeps what it was told."""

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self.proofs: list[tuple[float, float]] = []

    def attempted(self, _backend: str, how: str) -> None:
        self.attempts.append(str(how))

    def proven(self, _backend: str, *, applied_s: float, proven_s: float) -> None:
        self.proofs.append((round(applied_s, 3), round(proven_s, 3)))

    def batch(self, _backend: str, *, zones: int, seconds: float) -> None:
        raise AssertionError((zones, seconds))


def a_claim(*, wanted_at: float) -> Claim:
    return Claim(
        backend="ns1", name=ZoneName.parse("a.example"), fence=1, attempts=2, priority=Priority.INTERACTIVE,
        wanted_at=wanted_at, change_id="c-1", version=4, kind=Kind.PUT, serial=7, records=3, text="", known=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("how", "proves", "level", "event", "counted", "times"),
    [
        (Settle.VERIFIED, True, "info", "delivery.verified", "verified", (2.5, 3.0)),
        (Settle.VERIFIED, False, "info", "delivery.stored", "stored", None),
        (Settle.RETRY, True, "warning", "delivery.retried", "retry", None),
        (Settle.RETRY, False, "warning", "delivery.retried", "retry", None),
        (Settle.BURY, True, "error", "delivery.buried", "bury", None),
        (Settle.DEFER, True, "debug", "delivery.deferred", "defer", None),
        (Settle.APPLIED, True, "debug", "delivery.deferred", "applied", None),
    ],
)
def test_each_end_of_an_attempt_is_told_counted_and_timed(how, proves, level, event, counted, times):
    """The times are those of the status and of the metrics: from the commit of the push, 3 s ago, half a second of it asking DNS.

    Without a name server to ask nothing is proven, so that there is no such time.
    """
    clock, logger, recorder = ManualClock(), CapturingLogger(), Counted()
    batch = BatchLog(backend="ns1", clock=clock, log=logger)
    claim = a_claim(wanted_at=clock.now_s())
    clock.advance(3)
    end = Settlement(claim=claim, how=how, reason="why", due_at=clock.now_s() + 60)
    log = DeliveryLog(backend="ns1", clock=clock, log=logger, recorder=recorder, batch=batch, proves=proves)

    log.tell(AttemptReport(settlements=(end,), apply_s=0.1, verify_s=0.5))

    (call,) = logger.calls
    assert (level, event) == (call.method_name, call.args[0])
    facts = {
        "backend": "ns1",
        "zone": "a.example",
        "version": 4,
        "serial": 7,
        "kind": "put",
        "attempt": 3,
        "change_id": "c-1",
    }
    assert facts == {key: call.kwargs[key] for key in facts}
    assert [counted] == recorder.attempts
    assert ([times] if times else []) == recorder.proofs
    assert (times[1] if times else None) == batch.median_proven_s()
    if how is Settle.VERIFIED and proves:
        assert (100.0, 500.0, 3000.0) == tuple(call.kwargs[key] for key in ("apply_ms", "verify_ms", "proven_ms"))
    if how is Settle.RETRY:
        assert 60.0 == call.kwargs["again_in_s"]


def test_what_was_proven_by_a_clock_that_was_set_back_took_no_time():
    """Rather than less than none, which would spoil the median of the status."""
    clock, recorder = ManualClock(), Counted()
    batch = BatchLog(backend="ns1", clock=clock, log=CapturingLogger())
    log = DeliveryLog(backend="ns1", clock=clock, log=CapturingLogger(), recorder=recorder, batch=batch)
    end = Settlement(claim=a_claim(wanted_at=clock.now_s() + 3600), how=Settle.VERIFIED)

    log.tell(AttemptReport(settlements=(end,), verify_s=0.5))

    assert [(0.0, 0.0)] == recorder.proofs
    assert 0.0 == batch.median_proven_s()
