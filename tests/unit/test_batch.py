"""Batch telemetry: what one drain of a lane's queue is told as."""

from __future__ import annotations

import pytest
from structlog.testing import CapturingLogger

from directdnsonly.clock import ManualClock
from directdnsonly.dispatch.batch import BatchLog


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def logger() -> CapturingLogger:
    return CapturingLogger()


@pytest.fixture
def batch(clock, logger) -> BatchLog:
    return BatchLog(backend="ns1", clock=clock, log=logger)


def told(logger: CapturingLogger) -> list[str]:
    return [call.args[0] for call in logger.calls]


def test_a_batch_opens_with_the_first_work_and_closes_when_the_lane_is_empty(batch, clock, logger):
    """Zones, failures, seconds and zones per second, of all workers together."""
    batch.begin(100)
    batch.begin(50)
    clock.advance(2)
    batch.end(proven=95, failed=5, given_back=0)
    batch.idle()  # the other worker is still at it
    assert ["batch.started"] == told(logger)
    clock.advance(1)
    batch.end(proven=50, failed=0, given_back=0)
    batch.idle()

    assert ["batch.started", "batch.completed"] == told(logger)
    assert {"backend": "ns1", "zones": 150, "failed": 5, "elapsed_s": 3.0, "zones_per_s": 50.0} == logger.calls[
        1
    ].kwargs


def test_one_zone_alone_is_no_batch(batch, logger):
    """Its own line tells everything."""
    batch.begin(1)
    batch.end(proven=1, failed=0, given_back=0)
    batch.idle()

    assert [] == told(logger)


def test_zones_given_back_in_an_outage_are_counted_once(batch, clock, logger):
    """They are taken again when the backend is back."""
    batch.begin(10)
    batch.end(proven=0, failed=0, given_back=10)
    batch.begin(10)
    clock.advance(1)
    batch.end(proven=10, failed=0, given_back=0)
    batch.idle()

    assert 10 == logger.calls[-1].kwargs["zones"]
    assert (10, 0) == (batch.proven_total, batch.failed_total)


def test_the_median_of_the_newest_times_is_told(batch):
    """None before the first proof."""
    assert batch.median_proven_s() is None
    for seconds in (0.3, 0.1, 0.2):
        batch.proven(seconds)

    assert 0.2 == batch.median_proven_s()
