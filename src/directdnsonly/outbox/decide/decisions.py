"""Which of two decisions about a zone stands, ours or a peer's. Pure, and without a clock.

By what each side knew: the decision that stands among those which the other side had before is the older one. Where neither
does, they were made without knowing of each other:

    ours            theirs          what stands
    --------------  --------------  -----------------------------------------------------------------------------
    the same        the same        it
    none            any             theirs (of a peer that is old, one that is in force is only named)
    any             none            ours
    in force        ended           the one in force: nobody has ended that one
    ended           in force        the same
    ended           ended           the larger id; nothing differs
    in force        in force        about the same, or the same content under one serial: the larger id; nothing differs.
                                    A pin of the same content under another serial: the newer serial (RFC 1982)
                                    About another version, or another push: conflict, both stay
    had each other's                as if neither knew of the other

A decision protects: a pin keeps what is served, a push that waits changes nothing, a zone that is kept stays. So where it is
in doubt it stays, and whoever wants it gone ends it once more, now knowing of it.
"""

from __future__ import annotations

from directdnsonly.outbox.decide.merge import larger
from directdnsonly.outbox.peering import Compared, Decided, Matter, Standing
from directdnsonly.zone.serial import is_newer

_EQUAL = Compared(standing=Standing.EQUAL)
_OURS = Compared(standing=Standing.OURS)
_THEIRS = Compared(standing=Standing.THEIRS)
_WHY = {
    Matter.PIN: "it is pinned at another version here than there: release it on one side",
    Matter.HOLD: "another push waits for approval here than there: approve or reject one of them",
    Matter.KEEP: "",
}


def compare_decisions(ours: Decided | None, theirs: Decided | None, *, is_old: bool = False) -> Compared:
    """How the peer's decision stands to ours, in one matter; None: nothing was ever decided."""
    if theirs is None:
        return _EQUAL if ours is None else _OURS
    if ours is None:
        return _new(theirs, is_old=is_old)
    if ours.stated == theirs.stated:
        return _EQUAL
    here, there = theirs.stated in ours.past, ours.stated in theirs.past
    if here is not there:
        return _OURS if here else _THEIRS
    if ours.stands is not theirs.stands:
        return _OURS if ours.stands else _THEIRS
    if ours.stands and ours.about != theirs.about:
        return _apart(ours, theirs)
    return larger(ours.stated, theirs.stated)


def _new(theirs: Decided, *, is_old: bool) -> Compared:
    if not is_old or not theirs.stands:
        return _THEIRS
    reason = f"{theirs.matter}: it may have been ended here so long ago that this is forgotten"
    return Compared(standing=Standing.OLD, reason=reason)


def _apart(ours: Decided, theirs: Decided) -> Compared:
    """Both are in force, and about something else."""
    if ours.content and ours.content == theirs.content:
        if is_newer(theirs.serial, ours.serial):
            return _THEIRS
        if is_newer(ours.serial, theirs.serial):
            return _OURS
        if ours.serial == theirs.serial:
            return larger(ours.stated, theirs.stated)
    return Compared(standing=Standing.CONFLICT, reason=_WHY[ours.matter])
