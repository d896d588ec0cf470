"""The checker of histories finds what it is for: each fault in a history that has it, and none in one that is well."""

from __future__ import annotations

import pytest

from tests.support.history import History, Report

A, B, AB = {"a"}, {"b"}, {"a", "b"}
Z = "z.example"


def judged(*told: tuple, a: str | None, b: str | None = "as a", named: bool = False) -> Report:
    history = History()
    for content, by, *unsure in told:
        history.told(Z, content, by, unsure=unsure[0] if unsure else ())
    history.judge(Z, {"a": a, "b": a if b == "as a" else b}, named=named)
    return history.report


WELL = {
    "the last one everywhere": judged(("1", AB), ("2", AB), a="2"),
    "told to one side": judged(("1", AB), ("2", B), a="2"),
    "deleted": judged(("1", AB), (None, A), a=None),
    "made again": judged(("1", AB), (None, AB), ("2", B), a="2"),
    "without an answer, and taken": judged(("1", AB), ("2", (), A), a="2"),
    "without an answer, and not taken": judged(("1", AB), ("2", (), A), a="1"),
    "a conflict that is told": judged(("1", A), ("2", B), a="1", b="2", named=True),
    "nobody was told anything": judged(a=None),
}
WRONG = {
    "an earlier one": (judged(("1", AB), ("2", A), a="1"), "reordered", 2),
    "nothing, though the last was a push": (judged(("1", AB), ("2", AB), a=None), "wrongly_deleted", 2),
    "what was deleted": (judged(("1", AB), (None, AB), a="1"), "resurrected", 2),
    "what nobody told": (judged(("1", AB), a="evil"), "lost", 2),
    "two contents, and nobody is told": (judged(("1", AB), ("2", B), a="1", b="2"), "apart", 1),
    "a conflict without the last one": (judged(("1", A), ("2", B), a="1", b=None, named=True), "lost", 1),
}


@pytest.mark.parametrize("case", WELL)
def test_a_history_that_is_well_is_clean(case):
    assert WELL[case].clean, str(WELL[case])


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_counted_and_told(case):
    report, what, count = WRONG[case]

    assert not report.clean
    assert count == getattr(report, what)
    assert Z in str(report)
    assert what in str(report)


def test_what_only_a_lost_disk_knew_may_be_gone_or_not():
    """But what the other side had taken from it before is known there."""
    for took, final, clean in ((False, "1", True), (False, "2", True), (True, "1", False), (True, "2", True)):
        history = History()
        history.told(Z, "1", AB)
        history.saved("a")
        history.told(Z, "2", A)
        if took:
            history.took("b", "a")
        history.restored("a")
        history.judge(Z, {"a": final, "b": final}, named=False)
        assert clean is history.report.clean, str(history.report)


def test_serials_move_forward_on_each_side_until_its_disk_goes_back():
    history = History()
    history.saved("a")
    for side, content, serial in (("a", "1", 5), ("b", "1", 3), ("a", None, 0), ("a", "2", 6), ("b", "2", 2**31 + 2)):
        history.served(side, Z, content, serial)
    assert 0 == history.report.backwards
    history.served("a", Z, "3", 6)
    assert 1 == history.report.backwards
    history.restored("a")
    history.served("a", Z, "1", 5)
    assert 1 == history.report.backwards
