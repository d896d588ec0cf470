"""When NSD is asked whether it has read what it was told to."""

from __future__ import annotations

from directdnsonly.backends.nsd.follow import LONGEST_PAUSE_S, SHORTEST_PAUSE_S, Pace, pause_s


def asked_at(pace: Pace, serves_at: float) -> list[float]:
    """The times of the questions until NSD serves."""
    times = [pace.first_pause_s]
    while times[-1] < serves_at:
        times.append(times[-1] + pause_s(times[-1]))
    return times


def test_the_first_question_comes_shortly_before_the_usual_time() -> None:
    """NSD with 10,000 zones took 38 ms: nobody asks for half of it, and nobody is late by a tenth."""
    pace = Pace()
    assert 0.0 == pace.first_pause_s
    for _ in range(5):
        pace.note(asked_at(pace, 0.038)[-1])

    times = asked_at(pace, 0.038)

    assert times[0] > 0.019
    assert times[-1] < 0.042
    assert len(times) < 12


def test_a_slow_moment_is_forgotten() -> None:
    """A first question that comes too late would hide that NSD is quick again: so the pause shrinks by itself."""
    pace = Pace()
    pace.note(0.4)
    for _ in range(20):
        pace.note(asked_at(pace, 0.005)[-1])

    assert pace.first_pause_s < 0.006


def test_no_pause_is_long_or_nothing() -> None:
    """Also after an outage."""
    pace = Pace()
    pace.note(60.0)

    assert pace.first_pause_s <= 0.3
    assert (SHORTEST_PAUSE_S, LONGEST_PAUSE_S) == (pause_s(0.0), pause_s(60.0))
