"""Decides the outcome of a change of a zone. Pure: no store, no clock, no event loop.

An engine of the store does three things in one transaction, and has no rule of its own:

    look  = what it knows of the zone                         one statement for a usual push
    done  = decide(command, look, now=...)                    a Decision; or a Need: look for that as well, and ask again
    write = done.writes                                       in their order, each of one kind (see `writes`)

So the transaction can be repeated as a whole, and another engine copies no rule. Invariants:

- The newest version counts, whatever is served: `Look.newest`. What is pinned, what waits for approval and who owns the zone
  are judged beside it, in the same transaction, so nothing comes between the judgement and the record.
- A change that may not be made raises (OwnershipRefused, VersionConflict, ZonePolicyError); then nothing is written. One that
  changes nothing says so in its receipt.
- Who may is `outbox.ownership` (docs/ownership.md); which serial is published is `content`.
"""

from __future__ import annotations

from directdnsonly.outbox.changes import NewDeletion, NewPin, NewVersion
from directdnsonly.outbox.decide import act
from directdnsonly.outbox.decide.act import decide_decision
from directdnsonly.outbox.decide.delete import decide_delete, decide_extra_delete, decide_orphan_delete
from directdnsonly.outbox.decide.look import ExtraDelete, Look, Missing, Need, OrphanDelete, Release
from directdnsonly.outbox.decide.peer import NEEDED, decide_peer
from directdnsonly.outbox.decide.pin import decide_pin, decide_release
from directdnsonly.outbox.decide.push import decide_push, foreseen
from directdnsonly.outbox.decide.writes import Decision
from directdnsonly.outbox.peering import PeerDecision, PeerVersion
from directdnsonly.zone.name import ZoneName

Command = NewVersion | NewDeletion | OrphanDelete | ExtraDelete | NewPin | Release | PeerVersion | PeerDecision


def name_of(command: Command) -> ZoneName:
    """The zone that a command is about."""
    return command.zone.name if isinstance(command, NewVersion) else command.name


def needs(command: Command, look: Look) -> tuple[Need, ...]:
    """What to look up in advance because the decision nearly always needs it; an optimisation only."""
    if isinstance(command, PeerVersion):
        return NEEDED
    if isinstance(command, PeerDecision):
        return act.NEEDED
    return foreseen(command, look) if isinstance(command, NewVersion) else ()


def decide(command: Command, look: Look, *, now: float) -> Decision | Need:
    """The decision on a command, or Missing if something must be looked up first. `now`: epoch seconds.

    Raises OwnershipRefused, VersionConflict, ZonePolicyError, OutboxUnavailable (a limit whose zones were not counted).
    """
    try:
        if isinstance(command, NewVersion):
            return decide_push(command, look, now)
        if isinstance(command, NewDeletion):
            return decide_delete(command, look)
        if isinstance(command, OrphanDelete):
            return decide_orphan_delete(command, look)
        if isinstance(command, ExtraDelete):
            return decide_extra_delete(command, look)
        if isinstance(command, NewPin):
            return decide_pin(command, look)
        if isinstance(command, PeerVersion):
            return decide_peer(command, look)
        if isinstance(command, PeerDecision):
            return decide_decision(command, look)
        return decide_release(command, look)
    except Missing as missing:
        return missing.need
