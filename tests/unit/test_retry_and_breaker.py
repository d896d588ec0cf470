"""Retry as a value, and the breaker as a pure machine."""

from __future__ import annotations

from directdnsonly.dispatch.breaker import Breaker, BreakerState
from directdnsonly.dispatch.retry import RetryPolicy


def test_the_delays_are_the_promised_ones_within_their_jitter():
    """30 s, 2 m, 5 m, 15 m, 30 m, varied by a fifth, then give up."""
    policy = RetryPolicy()

    for failed, delay in enumerate((30, 120, 300, 900, 1800), start=1):
        seen = [policy.delay_s(failed) for _ in range(50)]
        assert all(value is not None and delay * 0.8 <= value <= delay * 1.2 for value in seen)
        assert len(set(seen)) > 1
    assert policy.delay_s(6) is None


def test_without_jitter_the_delay_is_exact():
    """For those who want it so."""
    assert 30.0 == RetryPolicy(jitter=0.0).delay_s(1)


def test_the_last_delay_repeats_while_there_are_more_retries_than_delays():
    """As docs/configuration.md says of `retry_delays_s`."""
    policy = RetryPolicy(delays_s=(1.0, 2.0), jitter=0.0, max_attempts=4)

    assert [1.0, 2.0, 2.0, 2.0, None] == [policy.delay_s(failed) for failed in range(1, 6)]


def test_the_breaker_opens_once_and_asks_with_growing_pauses():
    """0.5 s, 1 s, 2 s, 4 s, then 5 s."""
    breaker = Breaker(delay_s=0.5, delay_max_s=5.0, since=0.0)

    assert breaker.trip(100.0, "gone")
    assert not breaker.trip(100.1, "gone")
    pauses = []
    now = 100.0
    for _ in range(5):
        pauses.append(breaker.probe_at - now)
        now = breaker.probe_at
        breaker.probe()
        assert not breaker.trip(now, "still gone")

    assert [0.5, 1.0, 2.0, 4.0, 5.0] == pauses
    assert (BreakerState.OPEN, 100.0) == (breaker.state, breaker.since)


def test_an_outage_keeps_its_cause_and_shows_what_is_said_now_beside_it():
    """What began it is what a person must cure; the symptoms that follow do not take its place."""
    breaker = Breaker(delay_s=0.5, delay_max_s=5.0, since=0.0)
    told = []
    for now, reason in enumerate(["disk full", "disk full", "connection refused", "disk full"]):
        breaker.trip(100.0 + now, reason)
        breaker.probe()
        told.append(breaker.reason)

    assert ["disk full", "disk full", "disk full (now: connection refused)", "disk full"] == told
    assert 100.0 == breaker.since
    breaker.close(200.0)
    breaker.trip(300.0, "connection refused")
    assert ("connection refused", 300.0) == (breaker.reason, breaker.since)


def test_that_a_name_server_is_only_starting_is_no_cause():
    """The first failure takes its place, and keeps it."""
    breaker = Breaker(delay_s=0.5, delay_max_s=5.0, since=0.0)
    breaker.trip(100.0, "starting", is_start=True)
    breaker.trip(100.0, "starting")
    assert "starting" == breaker.reason

    breaker.trip(101.0, "exit code 1")
    breaker.trip(102.0, "starting")
    assert ("exit code 1 (now: starting)", 100.0) == (breaker.reason, breaker.since)


def test_closing_tells_how_long_the_outage_was():
    """For the log line of the operator."""
    breaker = Breaker(delay_s=0.5, delay_max_s=5.0, since=0.0)
    breaker.trip(100.0, "gone")
    breaker.probe()

    assert 7.0 == breaker.close(107.0)
    assert (BreakerState.CLOSED, "", None) == (breaker.state, breaker.reason, breaker.probe_at)


def test_an_outage_right_after_the_return_keeps_the_longer_pause():
    """A backend that answers its probe but fails at work must not be hammered."""
    breaker = Breaker(delay_s=0.5, delay_max_s=5.0, since=0.0)
    breaker.trip(100.0, "gone")
    breaker.probe()
    breaker.close(100.5)
    breaker.trip(100.6, "gone again")
    assert 1.0 == round(breaker.probe_at - 100.6, 6)

    breaker.close(101.6)
    breaker.succeeded()
    breaker.trip(102.0, "gone again")
    assert 0.5 == round(breaker.probe_at - 102.0, 6)
