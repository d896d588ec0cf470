"""Which of two versions is newer, case by case, and seen from both sides."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Kind, Owner
from directdnsonly.outbox.decide.merge import compare
from directdnsonly.outbox.peering import Standing, Stated
from tests.support.made import H1, H2

EQUAL, OURS, THEIRS, CONFLICT, OLD, _ = Standing


def put(serial: int, *past: Stated, content: str = "", owner: Owner = H1, pushed: int = 0, again: int = 0) -> Stated:
    """A zone whose content follows its serial, unless given; `past`: what it has had before, the newest last."""
    digest = (content or f"v{serial}").encode()
    after = past[-1].stated if past and past[-1].serial >= serial else identity.NOTHING
    stated = identity.of_zone(digest, serial, owner, after=after)
    for _ in range(again):
        stated = identity.again(stated)
    return Stated(
        stated=stated, kind=Kind.PUT, serial=serial, pushed_serial=pushed or serial, digest=digest, owner=owner, past=had(past),
    )  # fmt: skip


def delete(*past: Stated, owner: Owner = H1, event: str = "one") -> Stated:
    gone = past[-1] if past else None
    stated = identity.of_delete(gone.stated if gone else identity.NOTHING, event)
    serial = gone.serial if gone else 0
    return Stated(
        stated=stated, kind=Kind.DELETE, serial=serial, pushed_serial=serial, digest=b"", owner=owner, past=had(past)
    )


def had(past: tuple[Stated, ...]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(each for one in past for each in (*one.past, one.stated)))


X1 = put(1)
X2 = put(2, X1)
X3 = put(3, X2)
GONE = delete(X1)
NOBODYS = delete(owner=Owner())
MOVED = put(1, X1, content="v1", owner=H2)
SIGNED_BACK = put(1, X1, X2, content="v1")  # content and serial of X1, after X2
MADE_AGAIN = put(2, X1, GONE, content="new")

# Ours, theirs, how that stands, and how it stands for the other side.
CASES: dict[str, tuple[Stated | None, Stated | None, Standing, Standing]] = {
    "nobody has it": (None, None, EQUAL, EQUAL),
    "we lack it": (None, X1, THEIRS, OURS),
    "we lack what is deleted there": (None, GONE, THEIRS, OURS),
    "the same": (X2, X2, EQUAL, EQUAL),
    "the same, one of it missed what was before": (X2, put(2), EQUAL, EQUAL),
    "both deleted the same": (GONE, GONE, EQUAL, EQUAL),
    "a push was missed here": (X1, X2, THEIRS, OURS),
    "several pushes were missed here": (X1, X3, THEIRS, OURS),
    "a delete was missed here": (X1, GONE, THEIRS, OURS),
    "a delete and what came after it were missed here": (X1, MADE_AGAIN, THEIRS, OURS),
    "what came after the delete was missed here": (GONE, MADE_AGAIN, THEIRS, OURS),
    "a move to another server was missed here": (X1, MOVED, THEIRS, OURS),
    "a zone that came back under its old serial": (X2, SIGNED_BACK, THEIRS, OURS),
    "it came back, and neither push was seen here": (X1, SIGNED_BACK, THEIRS, OURS),
    "it was pushed again there": (X1, put(1, again=1), THEIRS, OURS),
    "it was pushed again more often there": (put(1, again=1), put(1, again=3), THEIRS, OURS),
    "each missed a push, and the serials tell": (put(2, X1), put(3, X1), THEIRS, OURS),
    "neither has had anything before": (put(2), put(3), THEIRS, OURS),
    "serials tell across their end": (put(2**32 - 1, X1), put(3, X1), THEIRS, OURS),
    "each missed a push of the same serial": (put(2, X1, content="a"), put(2, X1, content="b"), CONFLICT, CONFLICT),
    "serials at the distance of which nothing is said": (put(2, X1), put(2 + 2**31, X1), CONFLICT, CONFLICT),
    "published one way round, pushed the other": (put(3, X1, pushed=2), put(2, X1, pushed=3), CONFLICT, CONFLICT),
    "published alike, pushed one after the other": (
        put(3, X1, content="a", pushed=2), put(3, X1, content="b", pushed=3), CONFLICT, CONFLICT,
    ),
    "deleted here, pushed there": (GONE, X2, CONFLICT, CONFLICT),
    "deleted here, pushed again there": (GONE, put(1, again=1), CONFLICT, CONFLICT),
    "pushed again there, and a newer one came here": (X2, put(1, again=1), CONFLICT, CONFLICT),
    "deleted here without ever having had it": (delete(), X1, CONFLICT, CONFLICT),
    "deleted here, deleted and made again there": (delete(X1, event="two"), MADE_AGAIN, CONFLICT, CONFLICT),
    "made again on each side": (put(2, X1, delete(X1, event="two")), put(3, X1, GONE), CONFLICT, CONFLICT),
    "made again on each side, after what was one delete": (put(2, X1, GONE), put(3, X1, GONE), THEIRS, OURS),
    "made again there, pushed on here": (put(9, X1), put(2, X1, GONE, content="new"), CONFLICT, CONFLICT),
    "pushed by one server here, by another one there": (put(2, X1), put(3, X1, owner=H2), CONFLICT, CONFLICT),
    "the same pushed by one server here, by another one there": (
        put(2, content="a"), put(2, content="a", owner=H2), CONFLICT, CONFLICT,
    ),
    "each says that it has had the other's": (
        replace(X1, past=(X2.stated,)), X2, CONFLICT, CONFLICT,
    ),
    "a name server was cleared of it here": (NOBODYS, X1, THEIRS, OURS),
    "a name server was cleared of it there": (None, NOBODYS, EQUAL, EQUAL),
    "a name server was cleared of it on both": (NOBODYS, NOBODYS, EQUAL, EQUAL),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_which_is_newer(case):
    ours, theirs, wanted, other_way = CASES[case]

    assert wanted is compare(ours, theirs).standing
    assert other_way is compare(theirs, ours).standing


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (GONE, delete(X1, event="two")),
        (GONE, delete(X2)),
        (delete(), delete(X2)),
        (put(2, content="a"), put(2, X2, content="a")),
        (put(2, content="a"), put(2, content="a", owner=Owner(credential="da", hostname="h1.example", username="bob"))),
    ],
    ids=[
        "a delete that each was told of",
        "deletes of different versions",
        "one never had it",
        "one knows that it came back",
        "its user has another name",
    ],
)
def test_what_makes_no_difference_ends_the_same_on_both_sides(ours, theirs):
    """One side takes, the other keeps; nothing that is served changes."""
    assert {OURS, THEIRS} == {compare(ours, theirs).standing, compare(theirs, ours).standing}


def test_of_a_peer_that_is_old_nothing_is_taken_that_we_do_not_know():
    """We may have deleted it and forgotten that. Everything else is judged as ever."""
    assert OLD is compare(None, X1, is_old=True).standing
    assert EQUAL is compare(None, GONE, is_old=True).standing
    assert THEIRS is compare(X1, X2, is_old=True).standing
    assert OURS is compare(X2, X1, is_old=True).standing


def test_a_conflict_says_what_is_on_each_side():
    for ours, theirs, standing, _ in CASES.values():
        compared = compare(ours, theirs)
        assert bool(compared.reason) is (standing is CONFLICT)
    assert "deleted here and pushed there" in compare(GONE, X2).reason
    assert "here it belongs to h1.example, there to h2.example" == compare(put(2, X1), put(3, X1, owner=H2)).reason
    assert "serial 3 (pushed as 2) here" in compare(put(3, X1, pushed=2), put(2, X1, pushed=3)).reason


versions = st.builds(
    lambda serial, content, owner, kind, again, past: (
        put(serial, *past, content=content, owner=owner, again=again) if kind else delete(*past, owner=owner)
    ),
    st.integers(1, 4), st.sampled_from("ab"), st.sampled_from([H1, H2]), st.booleans(), st.integers(0, 2),
    st.lists(st.sampled_from([X1, X2, X3, GONE, MOVED, MADE_AGAIN, put(1, again=1)]), max_size=3),
)  # fmt: skip


@given(versions, versions)
def test_both_sides_never_take_from_each_other(ours, theirs):
    """Whatever they have had: what one takes, the other keeps; a conflict is one for both."""
    here, there = compare(ours, theirs).standing, compare(theirs, ours).standing

    assert (here, there) in {(EQUAL, EQUAL), (OURS, THEIRS), (THEIRS, OURS), (CONFLICT, CONFLICT)}
