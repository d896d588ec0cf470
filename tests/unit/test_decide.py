"""What becomes of a change, case by case, without a store: the look goes in, receipt and writes come out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from directdnsonly.errors import OutboxUnavailable, OwnershipRefused, VersionConflict, ZonePolicyError
from directdnsonly.outbox.changes import Became, Loss, NewDeletion, NewPin, NewVersion, Priority, Source, Terms
from directdnsonly.outbox.decide import Command, decide, name_of
from directdnsonly.outbox.decide.look import Around, ExtraDelete, Look, More, Need
from directdnsonly.outbox.decide.writes import (
    Decision,
    DropHeld,
    DropSighting,
    EndStanding,
    Hold,
    KeepKey,
    Note,
    Same,
    Version,
)
from directdnsonly.outbox.drift import HoldRule
from directdnsonly.outbox.ownership import Above, Waiting
from tests.support.looks import (
    BY_ANNA,
    GONE,
    KEY,
    NAME,
    NEW,
    NONE,
    NOW,
    PINNED,
    TAKEN,
    WHOLE,
    a_look,
    a_wait,
    an_orphan,
)
from tests.support.made import H1, H2, a_delete, a_push, a_zone

# A push or a delete, what is there, and what becomes of it: its version, the word for it, and the kinds of writes.
CASES: dict[str, tuple[NewVersion | NewDeletion, Look, int, Became, list[type]]] = {
    "a new zone begins above every number ever given": (a_push(serial=1), NEW, 7, Became.ACCEPTED, [Version]),
    "a newer push is the next version": (a_push(serial=4), a_look(), 4, Became.ACCEPTED, [Version]),
    "a deleted zone is made again": (a_push(serial=4), GONE, 4, Became.ACCEPTED, [Version]),
    "the same again is only noted": (a_push(serial=3), WHOLE, 3, Became.UNCHANGED, [Same]),
    "the same again heals a damaged text": (
        a_push(serial=3), a_look(more=More(whole=False)), 4, Became.ACCEPTED, [Version],
    ),
    "behind a pin it waits": (a_push(serial=4), PINNED, 4, Became.PINNED, [Version]),
    "the same again behind a pin waits on": (
        a_push(serial=3), PINNED.with_more(More(whole=True)), 3, Became.PINNED, [Same],
    ),
    "a key is kept with it": (replace(a_push(serial=4), terms=KEY), a_look(), 4, Became.ACCEPTED, [Version, KeepKey]),
    "a push under the version that its sender has seen": (
        replace(a_push(serial=4), terms=Terms(expected_version=3)), a_look(), 4, Became.ACCEPTED, [Version],
    ),
    "a deleted zone is made again by who knows that it is gone": (
        replace(a_push(serial=4), terms=Terms(expected_version=0)), GONE, 4, Became.ACCEPTED, [Version],
    ),
    "a zone that its credential has already needs no room": (
        replace(a_push(serial=4), terms=Terms(max_zones=1)), a_look(), 4, Became.ACCEPTED, [Version],
    ),
    "a pull by the newest version": (
        replace(a_push(serial=4, source=Source.PULL), only_if_version=3), a_look(), 4, Became.ACCEPTED, [Version],
    ),
    "a pull by the newest version behind a pin": (
        replace(a_push(serial=4, source=Source.PULL), only_if_version=3), PINNED, 4, Became.PINNED, [Version],
    ),
    "another server's zone is transferred": (a_push(serial=4), TAKEN, 4, Became.ACCEPTED, [Version]),
    "another server's zone is held": (
        replace(a_push(serial=4), takeover="hold"), TAKEN, 3, Became.WITHHELD, [Hold, EndStanding],
    ),
    "a push that loses much is held": (
        replace(a_push(serial=4), loss=Loss(version=3, reason="all")), a_look(), 3, Became.WITHHELD, [Hold, EndStanding],
    ),
    "a loss beside an older version is none": (
        replace(a_push(serial=4), loss=Loss(version=2, reason="all")), a_look(), 4, Became.ACCEPTED, [Version],
    ),
    "a loss behind a pin is held by that": (
        replace(a_push(serial=4), loss=Loss(version=3, reason="all")), PINNED, 4, Became.PINNED, [Version],
    ),
    "a recorded push ends an older loss": (
        a_push(serial=4), a_look(waits=a_wait(HoldRule.LOSS, H1)), 4, Became.ACCEPTED, [DropHeld, Version],
    ),
    "what waits is let in": (
        replace(a_push(serial=4, owner=H2), approves="aa" * 32), a_look(waits=a_wait(), more=More(moves=())), 4,
        Became.ACCEPTED, [DropHeld, Version],
    ),
    "a delete is a version too": (a_delete(), a_look(), 4, Became.DELETED, [Version, DropSighting]),
    "a delete behind a pin waits": (a_delete(), PINNED, 4, Became.PINNED, [Version, DropSighting]),
    "a delete of nothing leaves nothing": (a_delete(), NONE, 0, Became.IGNORED, []),
    "a person's delete of nothing can be asked for": (a_delete(**BY_ANNA), NONE, 0, Became.IGNORED, [Note]),
    "a late delete by the former server": (a_delete(owner=H2), a_look(), 3, Became.IGNORED, []),
    "a delete ends what waited of its own server": (
        a_delete(), a_look(waits=a_wait(owner=H1)), 4, Became.DELETED, [DropHeld, Version, DropSighting],
    ),
    "a delete that does not give way": (
        replace(a_delete(), gives_way=False), a_look(waits=a_wait()), 4, Became.DELETED, [DropHeld, Version, DropSighting],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_becomes_of_a_push_or_a_delete(case):
    command, look, version, became, writes = CASES[case]

    done = decide(command, look, now=NOW)

    assert isinstance(done, Decision)
    assert done.receipt is not None
    assert (version, became, writes) == (done.receipt.version, done.receipt.became, [type(one) for one in done.writes])
    for one in done.writes:
        if isinstance(one, Version):
            assert (look.pinned is None) == one.wanted == done.receipt.changed
            assert (one.text is None) == isinstance(command, NewDeletion)


REFUSED: dict[str, tuple[Command, Look, type[Exception], str]] = {
    "another server's zone": (replace(a_push(), takeover="reject"), TAKEN, OwnershipRefused, "belongs to h2"),
    "a version that its sender has not seen": (
        replace(a_push(), terms=Terms(expected_version=2)), a_look(), VersionConflict, "is at version 3",
    ),
    "a version behind a pin that its sender has not seen": (
        replace(a_push(), terms=Terms(expected_version=2)), PINNED, VersionConflict, "is at version 3",
    ),
    "a delete under an older version": (
        replace(a_delete(), terms=Terms(expected_version=2)), a_look(), VersionConflict, "is at version 3",
    ),
    "one zone more than the credential may have": (
        replace(a_push(), terms=Terms(max_zones=2)), NEW.with_more(More(counted=2)), ZonePolicyError, "2 zones at most",
    ),
    "a limit that was never counted": (
        replace(a_push(), terms=Terms(max_zones=2)), NEW.with_more(More(counted=-1)), OutboxUnavailable, "not counted",
    ),
    "a pin of a version that is not wanted": (
        NewPin(name=NAME, actor="anna", version=2), a_look(), ZonePolicyError, "version 3 is the wanted one",
    ),
    "a pin of what waits behind a pin": (
        NewPin(name=NAME, actor="anna", version=3), PINNED, ZonePolicyError, "version 2 is the wanted one",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    command, look, error, words = REFUSED[case]

    with pytest.raises(error, match=words):
        decide(command, look, now=NOW)


NEEDS: dict[str, tuple[Command, Look, Need]] = {
    "what lies around a new zone": (a_push(), NONE, Need.AROUND),
    "announced moves when another's zone is touched": (a_push(), a_look(owner=H2), Need.MOVES),
    "announced moves when it lies in another's": (
        a_push(), Look(more=More(around=Around(above=Above(name=NAME, owner=H2)))), Need.MOVES,
    ),
    "the first number of a new zone": (a_push(), Look(more=More(around=Around())), Need.FIRST),
    "whether the text is whole, when it is the same again": (a_push(serial=3), a_look(), Need.WHOLE),
    "neighbours, while any zone has a DNAME": (a_push(serial=4), a_look(redirecting=True), Need.BESIDE),
    "the count of the zones of a limited credential": (replace(a_push(), terms=Terms(max_zones=2)), NONE, Need.COUNTED),
    "the change that made the content": (a_push(serial=3, **BY_ANNA), WHOLE, Need.FORMER),
    "how an orphan is watched": (an_orphan(), a_look(), Need.SIGHTING),
    "the number of a tombstone of what is not ours": (ExtraDelete(name=NAME, backend="b", change_id="c"), NONE, Need.FIRST),
}  # fmt: skip


@pytest.mark.parametrize("case", NEEDS)
def test_what_has_to_be_looked_for_first(case):
    command, look, need = NEEDS[case]

    assert need == decide(command, look, now=NOW)
    assert NAME == name_of(command)


def test_a_usual_push_needs_one_look():
    """Of a zone that is there and its server's, with a new content: nothing more is asked for."""
    assert isinstance(decide(a_push(serial=4), a_look(), now=NOW), Decision)


@pytest.mark.parametrize("look", [a_look(), PINNED])
def test_a_pull_that_is_older_than_the_newest_version_is_overtaken(look):
    """However that one came, and whatever is served."""
    pull = replace(a_push(serial=9, source=Source.PULL), only_if_version=2)

    done = decide(pull, look, now=NOW)

    assert isinstance(done, Decision)
    assert ((), True, 3) == (done.writes, done.receipt.overtaken, done.receipt.version)


def test_an_approval_of_what_does_not_wait_any_more_is_overtaken():
    done = decide(
        replace(a_push(serial=4, owner=H2), approves="bb" * 32), a_look(waits=a_wait(), more=More(moves=())), now=NOW
    )

    assert ((), True) == (done.writes, done.receipt.overtaken)


def test_a_delete_gives_way_to_what_waits():
    """Nothing is written, not even the key: the request has become nothing yet."""
    done = decide(replace(a_delete(), terms=KEY), a_look(waits=a_wait()), now=NOW)

    assert ((), "aa" * 32) == (done.writes, done.receipt.gives_way)


@pytest.mark.parametrize(("terms", "former", "told"), [(KEY, None, ""), (Terms(), "", ""), (Terms(), "made", "made")])
def test_who_is_told_an_id_can_ask_for_it(terms, former, told):
    """The same again is told by the id of the change that made it; where there is none, or a key is kept, by its own."""
    push = replace(a_push(serial=3, **BY_ANNA), terms=terms)

    done = decide(push, WHOLE.with_more(More(whole=True, moves=(), former=former)), now=NOW)

    same = done.writes[0]
    assert isinstance(same, Same)
    assert (told or push.origin.change_id, not told) == (done.receipt.change_id, same.kept)


def test_the_very_push_that_waits_already_waits_on():
    """It is told as held, and nothing of it is written anew."""
    push = replace(a_push(serial=4, owner=H1), takeover="hold")
    waits = Waiting(rule=HoldRule.TAKEOVER, owner=H1, digest=push.zone.digest.hex())

    done = decide(push, TAKEN._replace(waits=waits), now=NOW)

    assert ([EndStanding], False) == ([type(one) for one in done.writes], done.receipt.withheld.anew)


def test_what_is_published_moves_forward():
    """Other content with an older serial: the text says the serial of the receipt. A tombstone keeps the last one."""
    pushed, deleted = decide(a_push(serial=2, content="new"), a_look(), now=NOW), decide(a_delete(), a_look(), now=NOW)

    assert 4 == pushed.receipt.serial
    assert " 4 3600 3600" in pushed.writes[0].text
    assert (2, 3) == (pushed.writes[0].pushed_serial, deleted.receipt.serial)


def test_a_changed_challenge_is_urgent_and_the_same_again_as_it_came():
    bulk = a_push(serial=4, priority=Priority.BULK)
    urgent = replace(bulk, zone=bulk.zone.model_copy(update={"challenge": b"token"}))

    told = [decide(one, a_look(), now=NOW).receipt.priority for one in (bulk, urgent)]
    again = decide(replace(bulk, zone=a_zone(serial=3, content="v3")), WHOLE, now=NOW)

    assert [Priority.BULK, Priority.URGENT, Priority.BULK] == [*told, again.receipt.priority]
