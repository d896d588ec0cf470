"""The kinds of problem that the API answers (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus

from directdnsonly.api.problem import ALWAYS, OF_THE_GUARD, PROBLEMS, TITLES


def test_rfc9457_3_1_each_kind_of_problem_has_a_type_and_a_title_of_its_own():
    """Who programs against it tells them apart by the type, who reads it by the title; each is for one status."""
    assert set(PROBLEMS) == set(TITLES)
    assert set(PROBLEMS) <= set(map(int, HTTPStatus))
    assert len(PROBLEMS) == len({slug for slug, _ in PROBLEMS.values()})
    assert len(TITLES) == len(set(TITLES.values()))
    assert {*ALWAYS, *OF_THE_GUARD} <= set(PROBLEMS)
