"""Decides pushes: a new version, the same again, held for approval, or nothing recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from directdnsonly.errors import OwnershipRefused
from directdnsonly.outbox import identity, ownership
from directdnsonly.outbox.changes import Kind, NewVersion, Owner, Receipt, Withheld
from directdnsonly.outbox.decide.content import Current, PutDecision, decide_put
from directdnsonly.outbox.decide.look import Look, Need, told
from directdnsonly.outbox.decide.terms import ASKED_FOR, require_room, require_version, why_held_back
from directdnsonly.outbox.decide.writes import (
    Decision,
    DropHeld,
    EndStanding,
    Hold,
    Same,
    Version,
    Write,
    keeps_key,
)
from directdnsonly.outbox.drift import HeldPush
from directdnsonly.outbox.identity import NOTHING
from directdnsonly.outbox.ownership import Ignore, Record, Refuse, There, Verdict, Waiting
from directdnsonly.zone.model import Zone
from directdnsonly.zone.serial import is_newer
from directdnsonly.zone.text import with_serial

KEPT_REDIRECTS: Final = 100  # names of one zone


def decide_push(push: NewVersion, look: Look, now: float) -> Decision:
    """Decide a push according to its terms and the ownership rules. Raises as `decide`."""
    require_room(push, look)
    require_version(push.zone.name, push.terms, look)
    receipt, writes = _decided(push, look, now)
    return Decision(receipt=receipt, writes=writes + keeps_key(receipt, push.origin, push.terms))


def foreseen(push: NewVersion, look: Look) -> tuple[Need, ...]:
    """What the decision will need in nearly every case; looked up at once, it need not be made twice."""
    newest = look.newest
    if newest is None:
        return (Need.AROUND, Need.FIRST) if ownership.looks_around(ownership.act_of(push), None) else (Need.FIRST,)
    is_same = newest.digest == push.zone.digest and newest.serial == push.zone.serial
    return (Need.WHOLE,) if is_same else ()


def redirects_of(zone: Zone) -> str:
    """The owner names with a DNAME, in the form that the store keeps."""
    return " ".join(zone.redirects[:KEPT_REDIRECTS])


def stated_after(before: Current | None, digest: bytes, serial: int, owner: Owner) -> bytes:
    """The version id of a zone that is stated after `before`."""
    if before is None:
        return identity.of_zone(digest, serial, owner)
    is_same = before.kind is Kind.PUT and (before.digest, before.serial) == (digest, serial)
    if is_same and identity.whose(before.owner) == identity.whose(owner):
        return identity.again(before.stated)
    return identity.of_zone(digest, serial, owner, after=NOTHING if is_newer(serial, before.serial) else before.stated)


def _decided(push: NewVersion, look: Look, now: float) -> tuple[Receipt, tuple[Write, ...]]:
    if push.only_if_version not in (None, look.version):
        return replace(_nothing(push, look, f"version {look.version} came meanwhile"), overtaken=True), ()
    verdict = _judged(push, look)
    if isinstance(verdict, Ignore):
        return replace(_nothing(push, look, verdict.reason), overtaken=True), ()
    if isinstance(verdict, ownership.Hold):
        return _held(push, look, verdict, now)
    assert isinstance(verdict, Record)
    receipt, write = _recorded(push, look, verdict)
    return receipt, (DropHeld(name=push.zone.name), write) if verdict.drops else (write,)


def _judged(push: NewVersion, look: Look) -> Verdict:
    """Whether the push may. Raises OwnershipRefused. A push that loses much is held as well, unless a pin holds it anyway."""
    name, asker, act = push.zone.name, push.origin.owner, ownership.act_of(push)
    there = _with_what_matters(push, look, act)
    verdict = ownership.judge(act, name, asker, there, takeover=push.takeover, approves=push.approves)
    if isinstance(verdict, Refuse):
        raise OwnershipRefused(verdict.reason, rule=verdict.rule)
    lossy = push.loss is not None and look.living is not None and look.living.version == push.loss.version
    if lossy and push.loss is not None and isinstance(verdict, Record) and look.pinned is None:
        return ownership.hold_loss(push.loss.reason, asker, there)
    return verdict


def _with_what_matters(push: NewVersion, look: Look, act: ownership.Act) -> There:
    """What lies around a zone that comes to be; announced moves when another server's zone is touched."""
    there = look.there
    if ownership.looks_around(act, there.zone):
        around = told(Need.AROUND, look.more.around)
        there = there._replace(above=around.above, below=around.below)
    if ownership.is_touched(push.origin.owner, there):
        there = there._replace(moves=told(Need.MOVES, look.more.moves))
    return there


def _nothing(push: NewVersion, look: Look, reason: str) -> Receipt:
    return Receipt(
        change_id=push.origin.change_id,
        name=push.zone.name,
        version=look.version,
        kind=Kind.PUT,
        changed=False,
        ignored=reason,
    )


def _held(push: NewVersion, look: Look, verdict: ownership.Hold, now: float) -> tuple[Receipt, tuple[Write, ...]]:
    """Keep the push until somebody approves it; the very one that waits already stays as it is."""
    origin, digest = push.origin, push.zone.digest.hex()
    anew = look.waits != Waiting(rule=verdict.rule, owner=origin.owner, digest=digest)
    kept = HeldPush(
        name=push.zone.name,
        version=look.version,
        digest=digest,
        rule=verdict.rule,
        reason=verdict.reason,
        difference="",
        owner=origin.owner,
        address=origin.address,
        at=now,
        body=push.body,
        serial=push.zone.serial,
    )
    receipt = replace(
        _nothing(push, look, f"held for approval: {verdict.reason}"),
        notices=verdict.notices,
        withheld=Withheld(rule=verdict.rule, reason=verdict.reason, digest=digest, anew=anew),
    )
    over = EndStanding(name=push.zone.name)
    return receipt, (Hold(push=kept), over) if anew else (over,)


def _recorded(push: NewVersion, look: Look, verdict: Record) -> tuple[Receipt, Write]:
    zone, origin, before = push.zone, push.origin, look.newest
    put = decide_put(before, push)
    # What we hold of it is damaged: the same again heals it.
    changed = put.changed or (before is not None and not told(Need.WHOLE, look.more.whole))
    version = told(Need.FIRST, look.more.first) if before is None else before.version + changed
    owner = ownership.owner_after(*look.owners, push)
    stated = stated_after(before, zone.digest, put.serial, owner)
    beside = told(Need.BESIDE, look.more.beside) if look.redirecting or zone.redirects else ()
    receipt = Receipt(
        change_id=origin.change_id,
        name=zone.name,
        version=version,
        kind=Kind.PUT,
        changed=changed and look.pinned is None,
        serial=put.serial,
        priority=put.priority,
        took_over=verdict.former,
        ignored=why_held_back(look.pinned, version),
        notices=verdict.notices,
        warnings=zone.warnings + beside,
        stated=stated.hex(),
    )
    if not changed:
        return _same(push, look, receipt, owner, stated)
    return receipt, _version(push, receipt, put, owner, stated, wanted=look.pinned is None)


def _version(
    push: NewVersion, receipt: Receipt, put: PutDecision, owner: Owner, stated: bytes, *, wanted: bool
) -> Version:
    zone = push.zone
    return Version(
        receipt=receipt,
        origin=push.origin,
        owner=owner,
        pushed_serial=zone.serial,
        text=zone.text if put.serial == zone.serial else with_serial(zone.text, put.serial),
        wanted=wanted,
        stated=stated,
        records=zone.records,
        digest=zone.digest,
        challenge=zone.challenge,
        signed=zone.signed,
        redirects=redirects_of(zone),
        warnings=receipt.warnings,
    )


def _same(push: NewVersion, look: Look, receipt: Receipt, owner: Owner, stated: bytes) -> tuple[Receipt, Same]:
    """Only that it came: however often, it leaves no row of its own, unless somebody could ask for it by its id.

    Whoever is told an id is told that of the change which made the content, as long as that is not forgotten.
    """
    asked_for, former = push.origin.source in ASKED_FOR, ""
    if asked_for and not push.terms.key:
        former = told(Need.FORMER, look.more.former)
    write = Same(
        receipt=receipt,
        origin=push.origin,
        owner=owner,
        pushed_serial=push.zone.serial,
        warnings=receipt.warnings,
        kept=asked_for and not former,
        stated=stated,
    )
    return (replace(receipt, change_id=former) if former else receipt), write
