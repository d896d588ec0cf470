"""What becomes of a peer's decision about a zone: it acts here as it does there, or ours stays.

Which of two stands is told by `decisions`. A pin acts on what is served: where something newer than the pinned version is
published here, the pinned content is published once more under a serial that secondaries can follow, and what was newest is
recorded anew behind it. The peer takes both from us, so that all come to publish the same under the same serials.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from directdnsonly.errors import ZonePolicyError
from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Kind, NewPin, Priority, Receipt
from directdnsonly.outbox.decide.content import Current
from directdnsonly.outbox.decide.decisions import compare_decisions
from directdnsonly.outbox.decide.look import Look, Need, Stands, told
from directdnsonly.outbox.decide.push import redirects_of
from directdnsonly.outbox.decide.writes import (
    Decide,
    Decision,
    DropHeld,
    Hold,
    HoldBeside,
    Keep,
    Note,
    Pin,
    Unpin,
    Version,
    Want,
    Write,
)
from directdnsonly.outbox.drift import HeldPush, HoldRule
from directdnsonly.outbox.peering import Decided, Held, Matter, PeerDecision, Pinning, Standing
from directdnsonly.zone.model import Zone
from directdnsonly.zone.serial import following, is_newer
from directdnsonly.zone.text import with_serial

NEEDED: Final = (Need.DECIDED, Need.STANDS, Need.PAST)
MOST_PAST: Final = 32  # decisions of one matter before the one that counts


def decide_decision(command: PeerDecision, look: Look) -> Decision:
    """Only what is newer is taken, unless a person has chosen it. Raises ZonePolicyError where it cannot act here."""
    ours, theirs = told(Need.DECIDED, look.more.decided).get(command.theirs.matter), command.theirs
    compared = compare_decisions(ours, theirs)
    takes = {Standing.THEIRS, Standing.CONFLICT} if command.chosen else {Standing.THEIRS}
    if compared.standing not in takes:
        return _left(command, look, compared.reason or str(compared.standing))
    decided = replace(theirs, past=_past(ours, theirs))
    if theirs.matter is Matter.PIN:
        return _pinned(command, look, decided) if theirs.stands else _released(command, look, decided)
    if theirs.matter is Matter.HOLD:
        return (
            _held(command, look, decided) if theirs.stands else _acted(command, look, decided, DropHeld(command.name))
        )
    if theirs.stands and look.living is None:
        return _left(command, look, "there is no such zone here")
    return _acted(command, look, decided, Keep(name=command.name, kept=theirs.stands))


def _past(ours: Decided | None, theirs: Decided) -> tuple[bytes, ...]:
    before = (*ours.past, ours.stated, *theirs.past) if ours is not None else theirs.past
    return tuple(one for one in dict.fromkeys(before) if one != theirs.stated)[-MOST_PAST:]


def _receipt(command: PeerDecision, look: Look) -> Receipt:
    newest = look.newest
    return Receipt(
        change_id=command.origin.change_id,
        name=command.name,
        version=look.version,
        kind=newest.kind if newest is not None else Kind.DELETE,
        changed=False,
        serial=newest.serial if newest is not None else 0,
        priority=Priority.BULK,
    )


def _left(command: PeerDecision, look: Look, reason: str) -> Decision:
    return Decision(receipt=replace(_receipt(command, look), ignored=reason, overtaken=True))


def _acted(command: PeerDecision, look: Look, decided: Decided, *writes: Write) -> Decision:
    return Decision(receipt=_receipt(command, look), writes=(*writes, Decide(name=command.name, decided=decided)))


def _held(command: PeerDecision, look: Look, decided: Decided) -> Decision:
    """The push waits here, too. Beside another version than there a loss means nothing, and what is served already waits for nobody."""
    said, newest = command.theirs.said, look.newest
    assert isinstance(said, Held)
    if newest is not None and newest.kind is Kind.PUT and newest.digest.hex() == said.digest:
        return _left(command, look, "it was let in here")
    base = identity.content(newest.stated) if newest is not None else b""
    if said.rule is HoldRule.LOSS and base != said.base:
        return _left(command, look, "another version is the newest one here")
    push = HeldPush(
        name=command.name,
        version=look.version,
        digest=said.digest,
        rule=said.rule,
        reason=said.reason,
        difference=said.difference,
        owner=said.owner,
        address=said.address,
        at=said.at,
        body=said.body,
        serial=said.serial,
    )
    return _acted(command, look, decided, Hold(push=push))


def _released(command: PeerDecision, look: Look, decided: Decided) -> Decision:
    newest, pinned = look.newest, look.pinned
    if newest is None or pinned is None:
        return _acted(command, look, decided)
    changed = newest.version > pinned.version
    priority = Priority.URGENT if newest.challenge != pinned.challenge else Priority.INTERACTIVE
    receipt = replace(_receipt(command, look), changed=changed, priority=priority)
    writes: list[Write] = [Unpin(name=command.name)]
    if changed:
        writes.append(_want(command, newest.version, newest.kind, priority))
    writes += [Note(receipt=receipt, origin=command.origin), Decide(name=command.name, decided=decided)]
    return Decision(receipt=receipt, writes=tuple(writes))


def _want(command: PeerDecision, version: int, kind: Kind, priority: Priority) -> Want:
    return Want(name=command.name, version=version, kind=kind, priority=priority, change_id=command.origin.change_id)


def _pinned(command: PeerDecision, look: Look, decided: Decided) -> Decision:
    newest, stands, zone, said = look.newest, told(Need.STANDS, look.more.stands), command.zone, command.theirs.said
    if newest is None:
        return _left(command, look, "there is no such zone here")
    assert zone is not None
    assert isinstance(said, Pinning)
    pin = Pin(new=NewPin(name=command.name, actor=said.actor, address=said.address, reason=said.reason))
    if stands.kind is Kind.PUT and stands.digest == zone.digest and _follows(stands.serial, zone.serial):
        writes = () if look.pinned is not None else (pin,)
        return _acted(command, look, _known_as(decided, stands.stated), *writes)
    if newest.kind is Kind.PUT and newest.digest == zone.digest and is_newer(newest.serial, stands.serial):
        priority = _priority(newest.challenge, look)
        receipt = replace(_receipt(command, look), changed=True, priority=priority)
        want = _want(command, newest.version, newest.kind, priority)
        note = Note(receipt=receipt, origin=command.origin)
        known = Decide(name=command.name, decided=_known_as(decided, newest.stated))
        return Decision(receipt=receipt, writes=(Unpin(name=command.name), pin, want, note, known))
    if not command.chosen and decided.about not in _had(command, look, newest):
        # What waits behind it would seem to have come after it.
        return _left(command, look, "the pinned version is none that the zone has had here")
    return _published_anew(command, look, decided, pin)


def _had(command: PeerDecision, look: Look, newest: Current) -> set[bytes]:
    """The versions that the zone has had before the newest one: here, and there where the same is the newest."""
    past, beside = tuple(told(Need.PAST, look.more.past)), command.beside
    if beside is not None and identity.content(beside.stated) == identity.content(newest.stated):
        past += beside.past
    return {identity.content(one) for one in past}


def _follows(serial: int, before: int) -> bool:
    return serial == before or is_newer(serial, before)


def _known_as(decided: Decided, stated: bytes) -> Decided:
    """The peer's decision; or one after it, where what is pinned here has another id."""
    about = identity.content(stated)
    if about == decided.about:
        return decided
    anew = identity.of_decision(decided.matter, about, stands=True, after=decided.stated)
    return replace(decided, stated=anew, about=about, past=(*decided.past, decided.stated)[-MOST_PAST:])


def _published_anew(command: PeerDecision, look: Look, decided: Decided, pin: Pin) -> Decision:
    """The pinned content as a version of its own, pinned, and what was the newest behind it once more."""
    newest, stands, zone = look.newest, told(Need.STANDS, look.more.stands), command.zone
    assert newest is not None
    assert zone is not None
    serial = zone.serial if is_newer(zone.serial, stands.serial) else _next(zone.signed, zone.serial, stands.serial)
    stated = _id_of(zone, serial, newest, decided)
    receipt = replace(
        _receipt(command, look),
        version=newest.version + 1,
        kind=Kind.PUT,
        changed=True,
        serial=serial,
        priority=_priority(zone.challenge, look),
        warnings=zone.warnings,
        stated=stated.hex(),
    )
    front = Version(
        receipt=receipt,
        origin=command.origin,
        owner=newest.owner,
        pushed_serial=zone.serial,
        text=zone.text if serial == zone.serial else with_serial(zone.text, serial),
        wanted=True,
        stated=stated,
        records=zone.records,
        digest=zone.digest,
        challenge=zone.challenge,
        signed=zone.signed,
        redirects=redirects_of(zone),
        warnings=zone.warnings,
    )
    unpin = (Unpin(name=command.name),) if look.pinned is not None else ()
    behind = _behind(command, newest, stands, serial)
    known = Decide(name=command.name, decided=_known_as(decided, stated))
    waits = look.waits
    beside: tuple[Write, ...] = ()
    if waits is not None and waits.rule is HoldRule.LOSS:
        beside = (
            HoldBeside(name=command.name, version=behind.receipt.version),
        )  # it is the version that it waits beside
    return Decision(receipt=receipt, writes=(*unpin, front, pin, behind, *beside, known))


def _id_of(zone: Zone, serial: int, newest: Current, decided: Decided) -> bytes:
    if serial == zone.serial:
        return decided.about + bytes(identity.TIMES)
    return identity.of_zone(zone.digest, serial, newest.owner)


def _behind(command: PeerDecision, newest: Current, stands: Stands, serial: int) -> Version:
    """What was the newest version, behind a pin of this serial; a tombstone stays the one that it is."""
    is_put = newest.kind is Kind.PUT
    if is_put and stands.text is None:
        raise ZonePolicyError("the newest version here is damaged: push the zone again", rule="damaged")
    kept = is_newer(newest.serial, serial)
    number = newest.serial if kept else serial if not is_put else _next(stands.signed, newest.serial, serial)
    stated = newest.stated if kept or not is_put else identity.of_zone(newest.digest, number, newest.owner)
    receipt = Receipt(
        change_id=command.behind_id,
        name=command.name,
        version=newest.version + 2,
        kind=newest.kind,
        changed=False,
        serial=number,
        priority=Priority.BULK,
        warnings=stands.warnings,
        stated=stated.hex(),
    )
    text = stands.text if stands.text is None or kept else with_serial(stands.text, number)
    return Version(
        receipt=receipt,
        origin=replace(command.origin, change_id=command.behind_id, owner=newest.owner),
        owner=newest.owner,
        pushed_serial=newest.pushed_serial,
        text=text if is_put else None,
        wanted=False,
        stated=stated,
        records=stands.records,
        digest=newest.digest,
        challenge=newest.challenge,
        signed=stands.signed,
        redirects=stands.redirects,
        warnings=stands.warnings,
    )


def _next(signed: bool, serial: int, published: int) -> int:
    if signed:
        raise ZonePolicyError(
            f"the zone is signed: its serial {serial} lies behind the published {published}, and rewriting it would break"
            " the signatures; release the pin, or sign the zone again and push it",
            rule="signed-rollback",
        )
    return following(published)


def _priority(challenge: bytes, look: Look) -> Priority:
    before = look.living.challenge if look.living else b""
    return Priority.URGENT if challenge != before else Priority.BULK
