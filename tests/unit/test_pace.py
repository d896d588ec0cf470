"""How long a bulk rests, by what the name server's answers take."""

from __future__ import annotations

import pytest

from directdnsonly.dispatch.pace import FEWEST, LEAST_S, LONGEST_S, MOST, QUIET, RECENT, Pace

ALONE_S, FACTOR, WORKED_S = 0.001, 4.0, 0.3
LIMIT_S = FACTOR * ALONE_S


@pytest.fixture
def pace():
    made = Pace(FACTOR)
    for _ in range(QUIET):
        made.note_quiet(ALONE_S)
    return made


def _felt(pace, seconds, *, resting=False):
    for _ in range(RECENT):
        pace.note(seconds, resting=resting)
    return pace.rest_s(WORKED_S)


def test_answers_within_the_factor_cost_no_rest(pace):
    assert 0.0 == _felt(pace, LIMIT_S)


@pytest.mark.parametrize("beside_work", [1.1, 2.0, 3.0])
@pytest.mark.parametrize("beside_rests", [1.0, 2.0])
def test_over_work_and_rest_answers_take_as_long_as_they_may(pace, beside_work, beside_rests):
    """The claim itself: the mean by time is the limit."""
    _felt(pace, beside_rests * ALONE_S, resting=True)
    work_s = beside_work * LIMIT_S

    rest_s = _felt(pace, work_s)

    mean_s = (WORKED_S * work_s + rest_s * beside_rests * ALONE_S) / (WORKED_S + rest_s)
    assert LIMIT_S == pytest.approx(mean_s)


def test_the_rest_is_as_long_as_the_work_asks_for(pace):
    _felt(pace, 2 * LIMIT_S)

    assert pytest.approx(3 * pace.rest_s(0.1)) == pace.rest_s(0.3)


def test_a_bulk_always_gets_its_tenth_and_no_rest_is_without_end(pace):
    _felt(pace, 1000 * LIMIT_S)

    assert [MOST * 0.1, LONGEST_S] == [pace.rest_s(0.1), pace.rest_s(10.0)]


def test_what_is_slow_beside_rests_as_well_is_not_cured_by_long_ones(pace):
    """Other programs keep the machine busy: the bulk yields some, and goes on."""
    _felt(pace, 10 * LIMIT_S, resting=True)

    assert 4 * 0.1 * WORKED_S == pytest.approx(_felt(pace, 1.1 * LIMIT_S))


def test_a_few_answers_tell_nothing(pace):
    for _ in range(FEWEST - 1):
        pace.note(1.0)

    assert 0.0 == pace.rest_s(WORKED_S)


def test_a_new_bulk_is_judged_by_what_is_felt_of_it(pace):
    assert 0.0 < _felt(pace, 1.0)

    pace.begin()

    assert 0.0 == pace.rest_s(WORKED_S)


def test_quick_answers_end_the_rests(pace):
    assert 0.0 < _felt(pace, 1.0)
    assert 0.0 == _felt(pace, ALONE_S)


def test_a_name_server_of_which_nothing_is_known_is_not_spared():
    assert 0.0 == _felt(Pace(FACTOR), 1.0)


def test_what_nobody_on_a_network_can_tell_is_not_slow():
    pace = Pace(FACTOR)
    pace.note_quiet(LEAST_S / 10)

    assert 0.0 == _felt(pace, FACTOR * LEAST_S)
    assert 0.0 < _felt(pace, 1.1 * FACTOR * LEAST_S)


@pytest.mark.parametrize("looks", [3, 5, QUIET])
def test_one_odd_look_without_a_bulk_decides_nothing(looks):
    pace = Pace(FACTOR)
    for _ in range(looks - 1):
        pace.note_quiet(ALONE_S)
    pace.note_quiet(1.0)

    assert pytest.approx(LIMIT_S) == pace.limit_s
