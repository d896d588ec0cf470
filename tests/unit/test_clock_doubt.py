"""Which time is believed when the clock leaps while we are down."""

from __future__ import annotations

import pytest

from directdnsonly.outbox.doubt import CALM_S, LEAP_S, Believed, judge

DAY = 86_400.0
YEARS = 730 * DAY


@pytest.mark.parametrize("moved", [-YEARS, -3600.0, 0.0, 3600.0, LEAP_S])
def test_a_clock_that_went_back_or_stood_for_a_weekend_is_believed(moved):
    assert Believed(at=1000.0 + moved) == judge(Believed(at=1000.0), now=1000.0 + moved, ran_s=0.0)


def test_one_that_leapt_is_not_and_time_goes_on_from_what_was_seen_last():
    leapt = judge(Believed(at=1000.0), now=1000.0 + YEARS, ran_s=0.0)
    later = judge(leapt, now=1000.0 + YEARS + DAY, ran_s=DAY)

    assert Believed(at=1000.0, ran_s=0.0, leapt=True) == leapt
    assert Believed(at=1000.0 + DAY, ran_s=DAY, leapt=True) == later


def test_restarts_with_the_same_clock_go_on_doubting_it():
    first = judge(Believed(at=1000.0), now=1000.0 + YEARS, ran_s=0.0)
    again = judge(first, now=1000.0 + YEARS + 60, ran_s=0.0)

    assert again.leapt
    assert 1000.0 == again.at


def test_put_right_it_is_believed_at_once():
    wrong = judge(Believed(at=1000.0), now=1000.0 + YEARS, ran_s=0.0)

    assert Believed(at=1060.0) == judge(wrong, now=1060.0, ran_s=0.0)


def test_after_a_week_of_running_it_is_believed():
    """It was right: the service has been down for long."""
    state = judge(Believed(at=0.0), now=YEARS, ran_s=0.0)
    hours = 0
    while state.leapt:
        hours += 1
        state = judge(state, now=YEARS + hours * 3600, ran_s=3600.0)

    assert CALM_S / 3600 == hours
    assert Believed(at=YEARS + CALM_S) == state
