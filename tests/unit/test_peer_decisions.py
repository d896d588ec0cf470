"""Which of two decisions about a zone stands, case by case, and seen from both sides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directdnsonly.outbox import identity
from directdnsonly.outbox.decide.decisions import compare_decisions
from directdnsonly.outbox.peering import Decided, Matter, Standing

EQUAL, OURS, THEIRS, CONFLICT, OLD, _ = Standing


def decided(
    *past: Decided, about: str = "", matter: Matter = Matter.PIN, serial: int = 1, content: str = ""
) -> Decided:
    """In force about something, or ended; `past`: what was decided before, the newest last."""
    what = about.encode()
    after = past[-1].stated if past else identity.NOTHING
    return Decided(
        matter=matter,
        stated=identity.of_decision(matter, what, stands=bool(about), after=after),
        stands=bool(about),
        past=tuple(dict.fromkeys(each for one in past for each in (*one.past, one.stated))),
        about=what,
        content=(content or about).encode(),
        serial=serial,
    )


V1 = decided(about="v1")
OVER = decided(V1)
AGAIN = decided(OVER, about="v1")
OTHER = decided(OVER, about="v2")

# Ours, theirs, how that stands, and how it stands for the other side.
CASES: dict[str, tuple[Decided | None, Decided | None, Standing, Standing]] = {
    "nothing was ever decided": (None, None, EQUAL, EQUAL),
    "it was pinned there": (None, V1, THEIRS, OURS),
    "it was pinned and released there": (None, OVER, THEIRS, OURS),
    "the same on both": (V1, V1, EQUAL, EQUAL),
    "a release was missed here": (V1, OVER, THEIRS, OURS),
    "a release and another pin were missed here": (V1, OTHER, THEIRS, OURS),
    "another pin was missed here": (OVER, AGAIN, THEIRS, OURS),
    "released here by the very release after which it was pinned again there": (decided(V1), AGAIN, THEIRS, OURS),
    "released on each": (decided(V1), OVER, EQUAL, EQUAL),
    "pinned on each at the same": (decided(about="v1"), V1, EQUAL, EQUAL),
    "pinned on each at another": (decided(about="v2"), V1, CONFLICT, CONFLICT),
    "pinned on each, the same content under another serial": (
        decided(about="a", content="c", serial=1), decided(about="b", content="c", serial=2), THEIRS, OURS,
    ),
    "pinned on each, the same content of another owner": (
        decided(about="a", content="c"), decided(about="b", content="c"), OURS, THEIRS,
    ),
    "and under serials that tell nothing": (
        decided(about="a", content="c", serial=1), decided(about="b", content="c", serial=1 + 2**31), CONFLICT, CONFLICT,
    ),
    "released here after another one than the one there": (decided(decided(about="v2")), V1, THEIRS, OURS),
    "each knows of the other's": (
        decided(OTHER, about="v1"), decided(decided(OTHER, about="v1"), about="v2"), THEIRS, OURS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_which_decision_stands(case):
    ours, theirs, wanted, other_way = CASES[case]

    assert wanted is compare_decisions(ours, theirs).standing
    assert other_way is compare_decisions(theirs, ours).standing


def test_two_that_ended_apart_come_to_one():
    """Nothing differs but the id."""
    here, there = decided(decided(about="v2")), decided(V1)

    assert {OURS, THEIRS} == {compare_decisions(here, there).standing, compare_decisions(there, here).standing}


def test_of_a_peer_that_is_old_nothing_is_in_force_that_we_do_not_know():
    assert OLD is compare_decisions(None, V1, is_old=True).standing
    assert "ended here" in compare_decisions(None, V1, is_old=True).reason
    assert THEIRS is compare_decisions(None, OVER, is_old=True).standing
    assert THEIRS is compare_decisions(V1, OVER, is_old=True).standing


@pytest.mark.parametrize(("matter", "word"), [(Matter.PIN, "release it"), (Matter.HOLD, "reject one")])
def test_a_conflict_says_what_to_do(matter, word):
    ours, theirs = decided(about="v1", matter=matter), decided(about="v2", matter=matter)

    assert word in compare_decisions(ours, theirs).reason


decisions = st.builds(
    lambda past, about, serial, content: decided(*past, about=about, serial=serial, content=content),
    st.lists(st.sampled_from([V1, OVER, AGAIN, OTHER]), max_size=3),
    st.sampled_from(["", "v1", "v2"]),
    st.integers(1, 3),
    st.sampled_from(["", "c"]),
)


@given(decisions, decisions)
def test_both_sides_never_take_from_each_other(ours, theirs):
    here, there = compare_decisions(ours, theirs).standing, compare_decisions(theirs, ours).standing

    assert (here, there) in {(EQUAL, EQUAL), (OURS, THEIRS), (THEIRS, OURS), (CONFLICT, CONFLICT)}
