"""How a peer's decision acts here: the look goes in, receipt and writes come out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from directdnsonly.errors import ZonePolicyError
from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Kind, Origin, Source
from directdnsonly.outbox.decide import decide
from directdnsonly.outbox.decide.look import Look, Pinned, Stands
from directdnsonly.outbox.decide.writes import Decide, Decision, DropHeld, Hold, Keep, Note, Pin, Unpin, Version, Want
from directdnsonly.outbox.drift import HoldRule
from directdnsonly.outbox.peering import Decided, Held, Matter, PeerDecision, Pinning, Stated
from directdnsonly.zone.model import Zone
from tests.support.looks import GONE, NAME, NOW, a_look
from tests.support.made import H1, H2, a_zone

V1, V2, V3 = (a_zone(serial=serial, content=f"v{serial}") for serial in (1, 2, 3))


def id_of(zone: Zone) -> bytes:
    return identity.of_zone(zone.digest, zone.serial, H1)


def there(look: Look, *past: bytes, wanted: Zone | None = None, signed: bool = False, **decided: Decided) -> Look:
    """With all that is known of the zone; `wanted`: what is pinned; `past`: the ids before the newest version."""
    newest, zone = look.newest, wanted or V3
    if newest is not None and newest.kind is Kind.PUT:
        look = look._replace(newest=newest._replace(digest=V3.digest, stated=id_of(V3)))
    stands = Stands(
        serial=zone.serial, digest=zone.digest, stated=id_of(zone), text=V3.text if newest and newest.kind is Kind.PUT else None,
        kind=Kind.PUT if wanted or (newest and newest.kind is Kind.PUT) else Kind.DELETE,
        records=3, signed=signed, redirects="", warnings=(),
    )  # fmt: skip
    known = {Matter(matter): one for matter, one in decided.items()}
    return look._replace(more=look.more._replace(past=past, stands=stands, decided=known))


def a_pin(zone: Zone, *, told: bytes = b"", signed: bool = False, past: tuple[bytes, ...] = ()) -> PeerDecision:
    """The zone is pinned at this version there."""
    about = identity.content(told or id_of(zone))
    pin = Decided(
        matter=Matter.PIN, stated=identity.of_decision("pin", about, stands=True), stands=True, about=about, past=past,
        content=zone.digest, serial=zone.serial,
        said=Pinning(text=zone.text, actor="anna", address="192.0.2.1", reason="a test"),
    )  # fmt: skip
    return a_decision(pin, zone.model_copy(update={"signed": signed}))


def a_decision(theirs: Decided, zone: Zone | None = None) -> PeerDecision:
    origin = Origin(change_id="c", source=Source.PEER, owner=H1, address="ns2")
    return PeerDecision(name=NAME, theirs=theirs, origin=origin, behind_id="b", zone=zone)


def ended(matter: Matter, *past: bytes) -> PeerDecision:
    return a_decision(Decided(matter=matter, stated=b"e" * 16, stands=False, past=past))


def done(command: PeerDecision, look: Look) -> Decision:
    decision = decide(command, look, now=NOW)
    assert isinstance(decision, Decision)
    assert decision.receipt is not None
    return decision


def kinds(decision: Decision) -> list[str]:
    return [type(one).__name__ for one in decision.writes]


def test_what_is_served_is_pinned_where_it_is_pinned_there():
    decision = done(a_pin(V3), there(a_look(3)))

    pin, known = decision.writes
    assert isinstance(pin, Pin)
    assert ("anna", "192.0.2.1", "a test") == (pin.new.actor, pin.new.address, pin.new.reason)
    assert isinstance(known, Decide)
    assert a_pin(V3).theirs.stated == known.decided.stated
    assert not decision.receipt.changed


def test_an_older_content_is_published_once_more_and_what_was_newest_waits_behind_it():
    """Both under serials that secondaries can follow; the peer takes both from here, by a decision after its own."""
    decision = done(a_pin(V1), there(a_look(3), id_of(V1), id_of(V2)))

    front, pin, behind, known = decision.writes
    assert isinstance(front, Version)
    assert isinstance(behind, Version)
    assert isinstance(pin, Pin)
    assert (4, 4, V1.digest, True) == (front.receipt.version, front.receipt.serial, front.digest, front.wanted)
    assert (5, 5, V3.digest, False) == (behind.receipt.version, behind.receipt.serial, behind.digest, behind.wanted)
    assert " 4 3600" in (front.text or "")
    assert " 5 3600" in (behind.text or "")
    assert ("c", "b") == (front.receipt.change_id, behind.receipt.change_id)
    assert isinstance(known, Decide)
    theirs = a_pin(V1).theirs.stated
    assert (identity.content(front.stated), (theirs,)) == (known.decided.about, known.decided.past)


def test_there_the_decision_after_its_own_acts_as_it_is():
    """The serials move forward already, and so do the ids."""
    again, newest = (one.model_copy(update={"serial": serial}) for one, serial in ((V1, 4), (V3, 5)))
    look = there(a_look(3), id_of(V1), id_of(again), wanted=V1)
    look = look._replace(
        newest=look.newest._replace(serial=5, stated=id_of(newest)),  pinned=Pinned(version=1),
    )  # fmt: skip
    mine = Decided(matter=Matter.PIN, stated=b"p" * 16, stands=True, about=identity.content(id_of(V1)))
    look = look._replace(more=look.more._replace(decided={Matter.PIN: mine}))
    command = a_pin(again, past=(b"p" * 16,))
    decision = done(command, look)

    assert ["Unpin", "Version", "Pin", "Version", "Decide"] == kinds(decision)
    front, behind = decision.writes[1], decision.writes[3]
    assert isinstance(front, Version)
    assert isinstance(behind, Version)
    assert (4, id_of(again)) == (front.receipt.serial, front.stated)
    assert (5, id_of(newest)) == (behind.receipt.serial, behind.stated)
    assert isinstance(decision.writes[4], Decide)
    assert command.theirs.stated == decision.writes[4].decided.stated


def test_a_deleted_zone_comes_back_where_it_was_pinned_before_the_delete():
    """The tombstone waits behind the pin, as it does there."""
    decision = done(a_pin(V1), there(GONE, id_of(V1)))

    front, _, behind, _ = decision.writes
    assert isinstance(front, Version)
    assert isinstance(behind, Version)
    assert (Kind.PUT, True) == (front.receipt.kind, front.wanted)
    assert (Kind.DELETE, None, False) == (behind.receipt.kind, behind.text, behind.wanted)
    assert GONE.newest is not None
    assert GONE.newest.stated == behind.stated


@pytest.mark.parametrize(
    ("command", "look"),
    [
        (a_pin(V1, signed=True), there(a_look(3), id_of(V1))),
        (a_pin(V1), there(a_look(3), id_of(V1), signed=True)),
    ],
    ids=["what is pinned", "what waits behind it"],
)
def test_a_signed_zone_is_not_published_under_another_serial(command, look):
    with pytest.raises(ZonePolicyError, match="signed"):
        decide(command, look, now=NOW)


def test_what_waits_behind_a_pin_must_be_readable():
    look = there(a_look(3), id_of(V1))
    look = look._replace(more=look.more._replace(stands=look.more.stands._replace(text=None)))

    with pytest.raises(ZonePolicyError, match="damaged"):
        decide(a_pin(V1), look, now=NOW)


LEFT = {
    "a zone that is not here": (a_pin(V1), there(Look())),
    "a version that the zone has never had here": (a_pin(V1), there(a_look(3), id_of(V2))),
    "what is known already": (a_pin(V3), there(a_look(3), pin=a_pin(V3).theirs)),
    "what was ended here": (
        a_pin(V3), there(a_look(3), pin=Decided(matter=Matter.PIN, stated=b"e" * 16, stands=False, past=(a_pin(V3).theirs.stated,))),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT)
def test_what_cannot_act_or_is_no_news_changes_nothing(case):
    decision = done(*LEFT[case])

    assert ((), True) == (decision.writes, decision.receipt.overtaken)
    assert decision.receipt.ignored


def test_a_pin_of_what_the_peer_lacked_is_taken_where_the_same_is_newest_on_both():
    """It was missed here, and what came after it came to both: the peer's history tells the order."""
    stated = Stated(
        stated=id_of(V3), kind=Kind.PUT, serial=3, pushed_serial=3, digest=V3.digest, owner=H1, past=(id_of(V1),)
    )
    command = replace(a_pin(V1), beside=stated)

    assert ["Version", "Pin", "Version", "Decide"] == kinds(done(command, there(a_look(3))))


def test_a_release_lets_out_what_waits():
    mine = Decided(matter=Matter.PIN, stated=b"p" * 16, stands=True)
    look = there(a_look(3, pinned=Pinned(version=1)), wanted=V1, pin=mine)
    unpin, want, note, known = done(ended(Matter.PIN, b"p" * 16), look).writes

    assert Unpin(name=NAME) == unpin
    assert isinstance(want, Want)
    assert (3, Kind.PUT) == (want.version, want.kind)
    assert isinstance(note, Note)
    assert isinstance(known, Decide)
    assert (b"p" * 16,) == known.decided.past


def a_hold(rule: HoldRule = HoldRule.LOSS, base: bytes = b"", zone: Zone = V2) -> PeerDecision:
    said = Held(
        rule=rule, reason="loses much", difference="- a", owner=H2, address="192.0.2.9", at=5.0, digest=zone.digest.hex(), serial=zone.serial,
        base=base or identity.content(id_of(V3)), body=b"body",
    )  # fmt: skip
    about = identity.of_push(zone.digest, H2)
    return a_decision(Decided(matter=Matter.HOLD, stated=b"h" * 16, stands=True, about=about, said=said))


def test_what_waits_there_waits_here():
    hold, known = done(a_hold(), there(a_look(3))).writes

    assert isinstance(hold, Hold)
    held = hold.push
    assert (3, H2, "loses much", "- a", "192.0.2.9", 5.0, b"body") == (
        held.version, held.owner, held.reason, held.difference, held.address, held.at, held.body,
    )  # fmt: skip
    assert isinstance(known, Decide)


@pytest.mark.parametrize(
    ("command", "why"),
    [(a_hold(base=b"x" * 14), "another version"), (a_hold(zone=V3), "let in")],
    ids=["a loss beside another version", "it is served here"],
)
def test_what_waits_there_for_nothing_here_is_left(command, why):
    decision = done(command, there(a_look(3)))

    assert () == decision.writes
    assert why in decision.receipt.ignored


def test_a_take_over_waits_beside_any_version():
    assert ["Hold", "Decide"] == kinds(done(a_hold(HoldRule.TAKEOVER, b"x" * 14), there(a_look(3))))
    assert ["Hold", "Decide"] == kinds(done(a_hold(HoldRule.OVERLAP, b"x" * 14), there(Look())))


def test_what_was_approved_or_rejected_there_waits_no_longer():
    mine = Decided(matter=Matter.HOLD, stated=b"h" * 16, stands=True)

    assert DropHeld(name=NAME) in done(ended(Matter.HOLD, b"h" * 16), there(a_look(3), hold=mine)).writes


@pytest.mark.parametrize("kept", [True, False])
def test_a_zone_is_kept_or_not_on_both(kept):
    mine = {} if kept else {"keep": Decided(matter=Matter.KEEP, stated=b"k" * 16, stands=True)}
    theirs = Decided(matter=Matter.KEEP, stated=b"n" * 16, stands=kept, past=(b"k" * 16,))

    assert Keep(name=NAME, kept=kept) in done(a_decision(theirs), there(a_look(3), **mine)).writes


def test_a_conflict_ends_where_a_person_chooses():
    mine = Decided(matter=Matter.PIN, stated=b"p" * 16, stands=True, about=b"other")
    look = there(a_look(3, pinned=Pinned(version=1)), wanted=V1, pin=mine)
    look = look._replace(newest=look.newest._replace(serial=3))

    assert () == done(a_pin(V3), look).writes
    assert ["Unpin", "Pin", "Want", "Note", "Decide"] == kinds(done(replace(a_pin(V3), chosen=True), look))
