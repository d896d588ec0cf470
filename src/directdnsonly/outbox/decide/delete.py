"""Decides deletes: by the zone's server, by a person, of an orphan, or of a zone that is not ours."""

from __future__ import annotations

from dataclasses import replace

from directdnsonly.errors import OwnershipRefused
from directdnsonly.outbox import identity, ownership
from directdnsonly.outbox.changes import Kind, NewDeletion, Receipt
from directdnsonly.outbox.decide.content import Current
from directdnsonly.outbox.decide.look import ExtraDelete, Look, Need, OrphanDelete, told
from directdnsonly.outbox.decide.terms import ASKED_FOR, require_version, why_held_back
from directdnsonly.outbox.decide.writes import (
    Decision,
    DropHeld,
    DropSighting,
    Note,
    Remove,
    Same,
    Version,
    Write,
    keeps_key,
)
from directdnsonly.outbox.drift import SightingState
from directdnsonly.outbox.ownership import GiveWay, Hold, Ignore, Record, Refuse

NOTHING = Decision()


def decide_delete(deletion: NewDeletion, look: Look) -> Decision:
    """Record a tombstone, unless there is nothing to delete or the requester may not delete it. Raises as `decide`."""
    require_version(deletion.name, deletion.terms, look)
    receipt, writes = _decided(deletion, look)
    return Decision(receipt=receipt, writes=writes + keeps_key(receipt, deletion.origin, deletion.terms))


def decide_orphan_delete(command: OrphanDelete, look: Look) -> Decision:
    """Delete an orphan if it is still the zone that was absent: same version, not pushed since, neither kept nor pinned."""
    living, given = look.living, command.sighting
    if living is None or look.pinned is not None or living.version != given.version:
        return NOTHING
    for seen in told(Need.SIGHTING, look.more.sighting):
        due = seen.state is SightingState.QUARANTINED and seen.version == living.version
        if due and living.pushed_at <= seen.first_at:
            done, over = decide_delete(command.deletion, look), DropSighting(name=given.name)
            return done if over in done.writes else done._replace(writes=(*done.writes, over))
    return NOTHING


def decide_extra_delete(command: ExtraDelete, look: Look) -> Decision:
    """Remove a zone that is not ours from a backend, unless it should be served by now or is pinned."""
    if look.living is not None or look.pinned is not None:
        return NOTHING
    remove = Remove(
        name=command.name,
        backend=command.backend,
        version=look.version or told(Need.FIRST, look.more.first),
        change_id=command.change_id,
        anew=look.newest is None,
    )
    return Decision(writes=(remove,))


def _decided(deletion: NewDeletion, look: Look) -> tuple[Receipt, tuple[Write, ...]]:
    verdict = _judged(deletion, look)
    receipt = _nothing(deletion, look)
    if isinstance(verdict, GiveWay):
        return replace(receipt, gives_way=verdict.digest), ()
    drops: tuple[Write, ...] = (DropHeld(name=deletion.name),) if verdict.drops else ()
    receipt = replace(receipt, notices=verdict.notices)
    if look.living is None and deletion.remembers and (noted := _remembered(deletion, look, receipt)):
        return noted.receipt, (*drops, noted)
    if isinstance(verdict, Ignore) or look.living is None:
        receipt = replace(receipt, ignored=verdict.reason if isinstance(verdict, Ignore) else "")
        # What changes nothing leaves no row, unless somebody could ask for it by its id.
        asked_for = deletion.origin.source in ASKED_FOR
        return receipt, (*drops, Note(receipt=receipt, origin=deletion.origin)) if asked_for else drops
    tombstone = _tombstone(deletion, look, look.living, receipt)
    return tombstone.receipt, (*drops, tombstone, DropSighting(name=deletion.name))


def _judged(deletion: NewDeletion, look: Look) -> Record | Ignore | GiveWay:
    act, there = ownership.act_of(deletion), look.there
    verdict = ownership.judge(act, deletion.name, deletion.origin.owner, there, takeover="transfer")
    if isinstance(verdict, Refuse):
        raise OwnershipRefused(verdict.reason, rule=verdict.rule)
    assert not isinstance(verdict, Hold)
    if isinstance(verdict, GiveWay) and not deletion.gives_way:
        return ownership.drop_all(there)
    return verdict


def _nothing(deletion: NewDeletion, look: Look) -> Receipt:
    return Receipt(
        change_id=deletion.origin.change_id,
        name=deletion.name,
        version=look.version,
        kind=Kind.DELETE,
        changed=False,
        serial=look.newest.serial if look.newest else 0,  # kept, so that a zone made again the same day moves forward
        priority=deletion.priority,
    )


def _remembered(deletion: NewDeletion, look: Look, receipt: Receipt) -> Version | Same | None:
    """Where nothing is to be deleted: that it was, for peers that may have what was. None: another server has no say in it."""
    asker, gone = deletion.origin.owner, look.newest
    if gone is None:
        stated = identity.of_delete(identity.NOTHING, deletion.origin.change_id)
        receipt = replace(receipt, version=told(Need.FIRST, look.more.first), stated=stated.hex())
        return Version(
            receipt=receipt,
            origin=deletion.origin,
            owner=asker,
            pushed_serial=0,
            text=None,
            wanted=False,
            stated=stated,
        )
    if gone.owner.server and not gone.owner.same_server(asker):
        return None
    stated = identity.of_delete(gone.stated, deletion.origin.change_id)
    return Same(
        receipt=replace(receipt, stated=stated.hex()),
        origin=deletion.origin,
        owner=gone.owner if gone.owner.server else asker,
        pushed_serial=gone.pushed_serial,
        warnings=(),
        kept=deletion.origin.source in ASKED_FOR,
        stated=stated,
    )


def _tombstone(deletion: NewDeletion, look: Look, gone: Current, receipt: Receipt) -> Version:
    version, free = gone.version + 1, look.pinned is None
    stated = identity.of_delete(gone.stated, deletion.origin.change_id)
    return Version(
        receipt=replace(
            receipt,
            version=version,
            changed=free,
            ignored=why_held_back(look.pinned, version),
            waits=not free,
            stated=stated.hex(),
        ),
        origin=deletion.origin,
        owner=gone.owner,
        pushed_serial=gone.pushed_serial,
        text=None,
        wanted=free,
        stated=stated,
    )
