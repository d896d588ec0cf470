"""What becomes of orphans, of zones that are not ours, of pins and their release. See test_decide."""

from __future__ import annotations

import pytest

from directdnsonly.outbox.changes import Kind, NewPin
from directdnsonly.outbox.decide import decide
from directdnsonly.outbox.decide.look import ExtraDelete, Look, More, Pinned, Release
from directdnsonly.outbox.decide.writes import (
    Decision,
    DropSighting,
    Note,
    Pin,
    Remove,
    Unpin,
    Version,
    Want,
)
from directdnsonly.outbox.drift import SightingState
from tests.support.looks import (
    GONE,
    NAME,
    NEW,
    NONE,
    NOW,
    PINNED,
    a_look,
    a_wait,
    an_orphan,
    watched,
)
from tests.support.made import a_push

ORPHANS = {
    "the one that was absent": (an_orphan(), a_look(), [Version, DropSighting]),
    "pinned": (an_orphan(), PINNED, []),
    "of another version": (an_orphan(2), a_look(), []),
    "deleted": (an_orphan(), a_look(kind=Kind.DELETE), []),
    "unknown": (an_orphan(), NONE, []),
    "pushed since with the same content": (an_orphan(first_at=99.0), a_look(), []),
    "kept by a person": (an_orphan(state=SightingState.KEPT), a_look(), []),
    "not yet in quarantine": (an_orphan(state=SightingState.ABSENT), a_look(), []),
    "waited for by another server": (an_orphan(), a_look(waits=a_wait()), [DropSighting]),
}


@pytest.mark.parametrize("case", ORPHANS)
def test_an_orphan_is_deleted_only_as_it_was_seen(case):
    command, look, writes = ORPHANS[case]

    done = decide(command, watched(command, look), now=NOW)

    assert (writes, bool(writes)) == ([type(one) for one in done.writes], done.receipt is not None)


def test_an_orphan_that_is_not_watched_any_more_stays():
    assert Decision() == decide(an_orphan(), a_look(more=More(sighting=[])), now=NOW)


@pytest.mark.parametrize(("look", "version", "anew"), [(NEW, 7, True), (GONE, 3, False)])
def test_what_is_not_ours_is_removed_with_a_number_of_its_own(look, version, anew):
    (one,) = decide(ExtraDelete(name=NAME, backend="b", change_id="c"), look, now=NOW).writes

    assert isinstance(one, Remove)
    assert (version, anew) == (one.version, one.anew)


@pytest.mark.parametrize(
    "look", [a_look(), PINNED, a_look(kind=Kind.DELETE, pinned=Pinned(version=2)), Look(pinned=Pinned(version=2))]
)
def test_what_is_to_be_served_is_never_removed_as_not_ours(look):
    """Also what a pin holds after its delete, and where the zone's own row was lost."""
    assert Decision() == decide(ExtraDelete(name=NAME, backend="b", change_id="c"), look, now=NOW)


@pytest.mark.parametrize(
    ("look", "pins"), [(a_look(), True), (PINNED, True), (NONE, False), (a_look(kind=Kind.DELETE), False)]
)
def test_only_what_is_wanted_can_be_pinned(look, pins):
    assert [Pin] * pins == [type(one) for one in decide(NewPin(name=NAME, actor="anna"), look, now=NOW).writes]


@pytest.mark.parametrize(
    ("look", "writes", "priority"),
    [
        (PINNED, [Unpin, Want, Note], 1),
        (a_look(pinned=Pinned(version=2, challenge=b"x")), [Unpin, Want, Note], 0),
        (a_look(pinned=Pinned(version=3)), [Unpin, Note], 1),
        (a_look(kind=Kind.DELETE, pinned=Pinned(version=2)), [Unpin, Want, Note], 1),
    ],
    ids=["a push waits", "a challenge differs", "nothing waits", "a delete waits"],
)
def test_a_release_makes_the_newest_version_wanted(look, writes, priority):
    done = decide(Release(name=NAME, origin=a_push().origin), look, now=NOW)

    assert (writes, priority) == ([type(one) for one in done.writes], done.receipt.priority)
    assert (3, Want in writes) == (done.receipt.version, done.receipt.changed)


def test_nothing_is_released_that_is_not_pinned():
    assert Decision() == decide(Release(name=NAME, origin=a_push().origin), a_look(), now=NOW)


def test_an_orphan_that_was_counted_anew_since_the_plan_stays():
    """What the store has of it by now is of another version, or came later."""
    seen = an_orphan(2).sighting

    assert Decision() == decide(an_orphan(), a_look(more=More(sighting=[seen])), now=NOW)
