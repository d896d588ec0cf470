"""How long a bulk rests, by what the name server's answers take."""

from __future__ import annotations

import pytest

from directdnsonly.dispatch.pace import LEAST_S, LONGEST_S, RECENT, SHORTEST_S, Pace

ALONE_S, FACTOR = 0.001, 4.0


@pytest.fixture
def pace():
    made = Pace(FACTOR)
    for _ in range(3):
        made.note_quiet(ALONE_S)
    return made


def _felt(pace, seconds, rounds=1):
    for _ in range(rounds * RECENT):
        pace.note(seconds)
    return pace.rest_s


def test_answers_within_the_factor_cost_no_rest(pace):
    assert 0.0 == _felt(pace, FACTOR * ALONE_S, rounds=10)


def test_slow_answers_double_the_rest_up_to_its_bound(pace):
    rests = [_felt(pace, 1.1 * FACTOR * ALONE_S) for _ in range(8)]

    assert [SHORTEST_S, 2 * SHORTEST_S, 4 * SHORTEST_S] == pytest.approx(rests[:3])
    assert LONGEST_S == rests[-1]


def test_quick_answers_halve_the_rest_until_there_is_none(pace):
    longest = _felt(pace, 1.0, rounds=10)

    assert longest / 2 == _felt(pace, ALONE_S)
    assert 0.0 == _felt(pace, ALONE_S, rounds=10)


def test_one_slow_answer_among_quick_ones_is_not_felt(pace):
    pace.note(2.5 * FACTOR * ALONE_S)
    for _ in range(RECENT - 1):
        pace.note(ALONE_S)

    assert 0.0 == pace.rest_s


def test_a_name_server_of_which_nothing_is_known_is_not_spared():
    assert 0.0 == _felt(Pace(FACTOR), 1.0, rounds=3)


def test_what_nobody_on_a_network_can_tell_is_not_slow():
    pace = Pace(FACTOR)
    pace.note_quiet(LEAST_S / 10)

    assert 0.0 == _felt(pace, FACTOR * LEAST_S, rounds=3)
    assert 0.0 < _felt(pace, 1.1 * FACTOR * LEAST_S, rounds=3)


def test_one_odd_look_before_a_bulk_decides_nothing(pace):
    pace.note_quiet(1.0)

    assert FACTOR * ALONE_S == pytest.approx(pace.limit_s)
