"""What becomes of a peer's version of a zone: it is taken as it is published there, or ours stays.

It was judged where it was pushed: who owns it and whether it may replace what was there is not asked again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from directdnsonly.errors import ZonePolicyError
from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Kind, Priority, Receipt
from directdnsonly.outbox.decide.look import Look, Need, told
from directdnsonly.outbox.decide.merge import compare
from directdnsonly.outbox.decide.push import redirects_of
from directdnsonly.outbox.decide.terms import why_held_back
from directdnsonly.outbox.decide.writes import Decision, DropHeld, DropSighting, HoldBeside, Inherit, Same, Version
from directdnsonly.outbox.drift import HoldRule
from directdnsonly.outbox.peering import Matter, PeerVersion, Standing, Stated
from directdnsonly.zone.model import Zone
from directdnsonly.zone.serial import following, is_newer
from directdnsonly.zone.text import with_serial

NEEDED: Final = (Need.PAST,)


def decide_peer(command: PeerVersion, look: Look) -> Decision:
    """Only what is newer is taken, unless a person has chosen it. Raises ZonePolicyError (see `_published`)."""
    theirs = command.theirs
    compared = compare(ours_of(look), theirs, is_old=command.is_old)
    takes = {Standing.THEIRS, Standing.CONFLICT, Standing.OLD} if command.chosen else {Standing.THEIRS}
    if compared.standing not in takes:
        reason = compared.reason or str(compared.standing)
        return Decision(receipt=replace(_receipt(command, look), ignored=reason, overtaken=True))
    _require_unkept(command, look)
    taken = _restated(command, look) if _is_held(command, look) else _version(command, look)
    waiting = _waiting(command, look, taken.receipt.version)
    over = (DropSighting(name=command.name),) if theirs.kind is Kind.DELETE else ()  # it is not judged twice
    # Under another serial it is another version here: the peer must find its own among what the zone has had.
    is_the_same = taken.receipt.stated == theirs.stated.hex()
    inherit = Inherit(name=command.name, past=theirs.past if is_the_same else (*theirs.past, theirs.stated))
    return Decision(receipt=taken.receipt, writes=(*waiting, taken, inherit, *over))


def _require_unkept(command: PeerVersion, look: Look) -> None:
    """A zone that a person keeps although its server does not list it is not deleted because that server does not list it."""
    if not command.theirs.orphan or command.chosen or look.living is None:
        return
    kept = told(Need.DECIDED, look.more.decided).get(Matter.KEEP)
    if kept is not None and kept.stands:
        raise ZonePolicyError(
            "its server does not list it, so it was deleted there; here a person keeps it (dadns reconcile --undo)",
            rule="kept",
        )


def ours_of(look: Look) -> Stated | None:
    """What we state of the zone."""
    newest = look.newest
    if newest is None:
        return None
    return Stated(
        stated=newest.stated,
        kind=newest.kind,
        serial=newest.serial,
        pushed_serial=newest.pushed_serial,
        digest=newest.digest,
        owner=newest.owner,
        past=tuple(told(Need.PAST, look.more.past)),
    )


def _receipt(command: PeerVersion, look: Look) -> Receipt:
    return Receipt(
        change_id=command.origin.change_id,
        name=command.name,
        version=look.version,
        kind=command.theirs.kind,
        changed=False,
        serial=look.newest.serial if look.newest else command.theirs.serial,
        priority=Priority.BULK,
    )


def _is_held(command: PeerVersion, look: Look) -> bool:
    """Whether what it would serve is held already: only its id, its owner, or how often it was pushed differ."""
    newest, zone = look.newest, command.zone
    if newest is None or newest.kind is not command.theirs.kind:
        return False
    return zone is None or (newest.digest, newest.serial) == (zone.digest, zone.serial)


def _restated(command: PeerVersion, look: Look) -> Same:
    theirs = command.theirs
    return Same(
        receipt=replace(_receipt(command, look), stated=theirs.stated.hex()),
        origin=command.origin,
        owner=theirs.owner,
        pushed_serial=theirs.pushed_serial,
        warnings=command.zone.warnings if command.zone is not None else (),
        kept=False,
        stated=theirs.stated,
    )


def _version(command: PeerVersion, look: Look) -> Version:
    theirs, zone, newest = command.theirs, command.zone, look.newest
    is_served = zone is not None or look.living is not None  # of a tombstone for what we never had nobody need be told
    free = is_served and look.pinned is None
    version = newest.version + 1 if newest is not None else told(Need.FIRST, look.more.first)
    serial, stated = _published(command, look)
    receipt = replace(
        _receipt(command, look),
        version=version,
        changed=free,
        serial=serial,
        priority=_priority(zone, look),
        ignored=why_held_back(look.pinned, version),
        warnings=zone.warnings if zone is not None else (),
        stated=stated.hex(),
    )
    tombstone = Version(
        receipt=receipt,
        origin=command.origin,
        owner=theirs.owner,
        pushed_serial=theirs.pushed_serial,
        text=None,
        wanted=free,
        stated=stated,
        at=command.at if not is_served else None,
    )
    if zone is None:
        return tombstone
    return tombstone._replace(
        text=zone.text if serial == zone.serial else with_serial(zone.text, serial),
        records=zone.records,
        digest=zone.digest,
        challenge=zone.challenge,
        signed=zone.signed,
        redirects=redirects_of(zone),
        warnings=zone.warnings,
    )


def _published(command: PeerVersion, look: Look) -> tuple[int, bytes]:
    """The serial under which it is published here, and its id: those of the peer, unless secondaries could not follow.

    Raises ZonePolicyError where that would break signatures.
    """
    theirs, zone, newest = command.theirs, command.zone, look.newest
    if newest is None or is_newer(theirs.serial, newest.serial):
        return theirs.serial, theirs.stated
    if zone is None:
        return newest.serial, theirs.stated
    if zone.signed and not command.chosen:
        return theirs.serial, theirs.stated  # its server has published it so
    if zone.signed:
        raise ZonePolicyError(
            f"the zone is signed: its serial {zone.serial} lies behind the published {newest.serial}, and rewriting it would"
            " break the signatures; sign it again and push it",
            rule="signed-rollback",
        )
    serial = following(newest.serial)
    return serial, identity.of_zone(zone.digest, serial, theirs.owner)


def _priority(zone: Zone | None, look: Look) -> Priority:
    before = look.living.challenge if look.living else b""
    return Priority.URGENT if (zone.challenge if zone else b"") != before and zone is not None else Priority.BULK


def _waiting(command: PeerVersion, look: Look, version: int) -> tuple[DropHeld | HoldBeside, ...]:
    """What becomes of a push that waits here.

    The very one was approved there. A loss is judged beside the version that comes, if it was pushed after that one: it was
    acknowledged, and a person has not decided yet. Else it means nothing here, but it may there.
    """
    waits, name = look.waits, command.name
    if waits is None:
        return ()
    if command.zone is not None and waits.digest == command.zone.digest.hex():
        return (DropHeld(name=name),)
    if waits.rule is not HoldRule.LOSS:
        return ()
    theirs = command.theirs
    is_later = waits.serial is not None and is_newer(waits.serial, theirs.pushed_serial)
    if theirs.kind is Kind.PUT and is_later and waits.owner.same_server(theirs.owner):
        return (HoldBeside(name=name, version=version),)
    return (DropHeld(name=name, void=True),)
