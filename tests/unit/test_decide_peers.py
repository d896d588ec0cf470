"""What becomes of a peer's version, and of deletes that peers have to know of: the look goes in, receipt and writes come out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from directdnsonly.errors import ZonePolicyError
from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Became, Kind, Origin, Owner, Source
from directdnsonly.outbox.decide import decide
from directdnsonly.outbox.decide.look import Look, More, Need, Pinned
from directdnsonly.outbox.decide.writes import Decision, DropHeld, DropSighting, HoldBeside, Inherit, Same, Version
from directdnsonly.outbox.drift import HoldRule
from directdnsonly.outbox.ownership import Waiting
from directdnsonly.outbox.peering import Decided, Matter, PeerVersion, Stated
from directdnsonly.zone.model import Zone
from tests.support.looks import GONE, NAME, NEW, NOW, a_look
from tests.support.made import H1, H2, a_delete, a_zone

OTHER = identity.of_zone(b"other", 1, H1)


def looked(look: Look, *past: bytes) -> Look:
    """With the id of what is there, and those that it has had."""
    newest = look.newest
    if newest is not None:
        stated = identity.of_zone(newest.digest, newest.serial, newest.owner)
        newest = newest._replace(stated=identity.of_delete(stated, "c") if newest.kind is Kind.DELETE else stated)
    return look._replace(newest=newest, more=look.more._replace(past=past, first=7))


def a_peer(
    zone: Zone | None, *past: bytes, owner: Owner = H1, chosen: bool = False, is_old: bool = False
) -> PeerVersion:
    stated = (
        identity.of_zone(zone.digest, zone.serial, owner)
        if zone
        else identity.of_delete(past[-1] if past else b"", "c")
    )
    theirs = Stated(
        stated=stated, kind=Kind.PUT if zone else Kind.DELETE, serial=zone.serial if zone else 0,
        pushed_serial=zone.serial if zone else 0, digest=zone.digest if zone else b"", owner=owner, past=past,
    )  # fmt: skip
    origin = Origin(change_id="c", source=Source.PEER, owner=owner, address="ns2")
    return PeerVersion(name=NAME, theirs=theirs, zone=zone, origin=origin, at=500.0, chosen=chosen, is_old=is_old)


def decided(command: PeerVersion, look: Look) -> Decision:
    done = decide(command, look, now=NOW)
    assert isinstance(done, Decision)
    assert done.receipt is not None
    return done


OURS = looked(a_look(3))
V3 = OURS.newest.stated
V4 = a_zone(serial=4, content="v4")


def test_a_newer_version_is_taken_as_it_is_published_there():
    """Text, serial, owner and id; what the zone has had there counts here as well. Nobody judges it again."""
    done = decided(a_peer(V4, OTHER, V3, owner=H2), OURS)

    version, inherit = done.writes
    assert isinstance(version, Version)
    assert (4, 4, V4.text, H2, True) == (
        version.receipt.version, version.receipt.serial, version.text, version.owner, version.wanted,
    )  # fmt: skip
    assert identity.of_zone(V4.digest, 4, H2) == version.stated
    assert Inherit(name=NAME, past=(OTHER, V3)) == inherit
    assert Became.ACCEPTED is done.receipt.became


@pytest.mark.parametrize("kept", [True, False])
def test_an_orphan_of_a_peer_is_one_here_unless_a_person_keeps_it(kept):
    """Nobody judges it again: what was seen of it is over. Deleted by a person or its server, it is gone, kept or not."""
    decided_here = {Matter.KEEP: Decided(matter=Matter.KEEP, stated=b"k" * 16, stands=kept)}
    look = OURS._replace(more=OURS.more._replace(decided=decided_here))
    orphan = a_peer(None, V3)
    orphan = replace(orphan, theirs=replace(orphan.theirs, orphan=True))

    if kept:
        with pytest.raises(ZonePolicyError, match="a person keeps it"):
            decide(orphan, look, now=NOW)
    for command in [a_peer(None, V3), replace(orphan, chosen=True), *([] if kept else [orphan])]:
        assert DropSighting(name=NAME) in decided(command, look).writes


def test_a_delete_is_taken():
    done = decided(a_peer(None, V3), OURS)

    version = done.writes[0]
    assert isinstance(version, Version)
    assert (Kind.DELETE, None, True, 3) == (version.receipt.kind, version.text, version.wanted, version.receipt.serial)
    assert Became.DELETED is done.receipt.became


@pytest.mark.parametrize(
    "command",
    [a_peer(a_zone(serial=3, content="v3")), a_peer(a_zone(serial=2, content="v2")), a_peer(None, OTHER)],
    ids=["the same", "an older one", "a delete of something else"],
)
def test_what_is_not_newer_changes_nothing(command):
    done = decided(command, OURS)

    assert () == done.writes
    assert (True, False) == (done.receipt.overtaken, done.receipt.changed)
    assert "" != done.receipt.ignored


def test_the_ids_that_a_zone_has_had_are_asked_for_once():
    assert Need.PAST is decide(a_peer(V4), OURS._replace(more=More()), now=NOW)


def test_a_deleted_zone_that_we_never_had_is_known_as_deleted_and_delivered_to_nobody():
    """With its time there: it is forgotten when it is forgotten there."""
    done = decided(a_peer(None, OTHER), looked(NEW))

    version = done.writes[0]
    assert isinstance(version, Version)
    assert (7, False, 500.0, False) == (version.receipt.version, version.wanted, version.at, done.receipt.changed)


def test_a_zone_that_an_old_peer_alone_has_is_taken_only_by_a_person():
    assert "forgotten" in decided(a_peer(V4, is_old=True), looked(NEW)).receipt.ignored
    assert decided(a_peer(V4, is_old=True, chosen=True), looked(NEW)).receipt.changed


def test_behind_a_pin_it_is_recorded_and_waits():
    done = decided(a_peer(V4, V3), OURS._replace(pinned=Pinned(version=2)))

    version = done.writes[0]
    assert isinstance(version, Version)
    assert not version.wanted
    assert Became.PINNED is done.receipt.became


def test_another_owner_of_what_is_served_already_makes_no_work():
    same = a_zone(serial=3, content="v3")
    done = decided(a_peer(same, V3, owner=H2), OURS)

    restated = done.writes[0]
    assert isinstance(restated, Same)
    assert (H2, identity.of_zone(same.digest, 3, H2), False) == (restated.owner, restated.stated, done.receipt.changed)


def test_of_a_conflict_a_person_takes_theirs_and_secondaries_can_follow():
    """Its serial is not newer: it gets the next one, and with it an id of its own."""
    theirs = a_zone(serial=3, content="elsewhere")
    assert "do not tell which is newer" in decided(a_peer(theirs), OURS).receipt.ignored

    done = decided(a_peer(theirs, chosen=True), OURS)

    version = done.writes[0]
    assert isinstance(version, Version)
    assert (4, identity.of_zone(theirs.digest, 4, H1)) == (version.receipt.serial, version.stated)
    assert " 4 3600 3600 " in (version.text or "")


def test_a_signed_zone_is_not_taken_under_another_serial():
    """Its signatures would break. What its server has published so is taken as it is."""
    signed = a_zone(serial=3, content="elsewhere").model_copy(update={"signed": True})

    with pytest.raises(ZonePolicyError) as refused:
        decided(a_peer(signed, chosen=True), OURS)
    assert "signed-rollback" == refused.value.rule
    assert 3 == decided(a_peer(signed, V3), OURS).receipt.serial


def test_what_an_older_version_of_ours_is_chosen_over_a_newer_one_is_refused():
    """A person can choose where nothing tells, not undo what is newer here."""
    older = a_peer(a_zone(serial=2, content="v2"), chosen=True)

    assert "newer here" == decided(older, looked(a_look(3), older.theirs.stated)).receipt.ignored


@pytest.mark.parametrize(
    ("waits", "over"),
    [
        (Waiting(rule=HoldRule.LOSS, owner=H1, digest="aa"), [DropHeld(name=NAME, void=True)]),
        (Waiting(rule=HoldRule.LOSS, owner=H1, digest=V4.digest.hex()), [DropHeld(name=NAME)]),
        (Waiting(rule=HoldRule.LOSS, owner=H1, digest="aa", serial=5), [HoldBeside(name=NAME, version=4)]),
        (Waiting(rule=HoldRule.LOSS, owner=H1, digest="aa", serial=4), [DropHeld(name=NAME, void=True)]),
        (Waiting(rule=HoldRule.LOSS, owner=H2, digest="aa", serial=5), [DropHeld(name=NAME, void=True)]),
        (Waiting(rule=HoldRule.TAKEOVER, owner=H2, digest=V4.digest.hex()), [DropHeld(name=NAME)]),
        (Waiting(rule=HoldRule.TAKEOVER, owner=H2, digest="aa"), []),
    ],
    ids=[
        "a loss is void",
        "a loss was approved there",
        "a loss that was pushed later waits on",
        "a loss that was pushed before",
        "another server's loss",
        "it was approved there",
        "another push waits on",
    ],
)
def test_what_waits_here_is_over_when_it_was_decided_there(waits, over):
    done = decided(a_peer(V4, V3), OURS._replace(waits=waits))

    assert over == [one for one in done.writes if isinstance(one, DropHeld | HoldBeside)]


def test_a_delete_of_what_nobody_has_is_known_to_peers():
    """One of them may have the zone: what was deleted here must not come back from there, unseen."""
    command = replace(a_delete(), remembers=True)

    done = decide(command, looked(NEW), now=NOW)
    assert isinstance(done, Decision)
    (version,) = done.writes
    assert isinstance(version, Version)
    assert (Kind.DELETE, False, False) == (version.receipt.kind, version.wanted, version.receipt.changed)
    again = decide(replace(a_delete(), remembers=True), looked(NEW), now=NOW)
    assert isinstance(again, Decision)
    assert version.stated != again.writes[0].stated


def test_a_delete_of_what_is_deleted_is_told_from_the_one_before():
    gone = looked(GONE)
    done = decide(replace(a_delete(), remembers=True), gone, now=NOW)
    foreign = decide(replace(a_delete(owner=H2), remembers=True), gone, now=NOW)
    alone = decide(a_delete(), gone, now=NOW)

    assert isinstance(done, Decision)
    (restated,) = done.writes
    assert isinstance(restated, Same)
    assert gone.newest.stated != restated.stated
    assert () == foreign.writes == alone.writes
