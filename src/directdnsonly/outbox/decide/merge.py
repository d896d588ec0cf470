"""Which of two versions of a zone is newer, ours or a peer's. Pure, and without a clock.

By what each has had: the version that stands among the ids which the other's zone has had is the older one. Where neither
does, each side has missed something of the other, and no more is concluded than is sure:

    both deleted                                    nothing is served of either: the larger id stands, on both sides
    of one DirectAdmin server, the same is served   nothing would change: the larger id stands, on both sides
    of one DirectAdmin server, in one life          its serials tell (RFC 1982), as pushed and as published, where both agree
    anything else                                   conflict: both stay

(A zone that was deleted and made again may begin anew with its serials: those of two lives tell nothing.)
The same is done where what is newer does not know that the older one was pushed again since. Each side judges by itself, and both come
to the same: for what one takes, the other has nothing to take.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Kind
from directdnsonly.outbox.peering import Compared, Standing, Stated
from directdnsonly.zone.serial import is_newer


class _Had(Enum):
    """Whether an id stands among others."""

    NO = auto()
    YES = auto()
    BEFORE = auto()  # but the same was pushed again since


_EQUAL = Compared(standing=Standing.EQUAL)
_OURS = Compared(standing=Standing.OURS)
_THEIRS = Compared(standing=Standing.THEIRS)


def compare(ours: Stated | None, theirs: Stated | None, *, is_old: bool = False) -> Compared:
    """How the peer's version stands to ours; None: nothing is known of the zone. `is_old`: see PeerVersion."""
    ours = ours if ours is None or _is_somebodys(ours) else None
    if theirs is None or not _is_somebodys(theirs):
        return _EQUAL if ours is None else _OURS
    if ours is None:
        return _new(theirs, is_old=is_old)
    if identity.content(ours.stated) == identity.content(theirs.stated):
        return larger(identity.times(ours.stated), identity.times(theirs.stated))
    here, there = _had(theirs.stated, ours.past), _had(ours.stated, theirs.past)
    if (here, there) == (_Had.YES, _Had.NO):
        return _OURS
    if (here, there) == (_Had.NO, _Had.YES):
        return _THEIRS
    if (here, there) == (_Had.NO, _Had.NO):
        return _apart(ours, theirs)
    if _Had.BEFORE in (here, there):
        where = "here" if there is _Had.BEFORE else "there"
        return _conflict(f"what was pushed again {where} is older than what the other side holds")
    return _conflict("each side says that it had the other's version before")


def _is_somebodys(one: Stated) -> bool:
    """A tombstone that we made ourselves, to have a name server cleared of a zone that nobody pushed, states nothing."""
    return one.kind is Kind.PUT or bool(one.owner.server)


def _new(theirs: Stated, *, is_old: bool) -> Compared:
    if not is_old:
        return _THEIRS
    if theirs.kind is Kind.DELETE:
        return _EQUAL  # we have forgotten it, and it will be forgotten there
    reason = "it may have been deleted here so long ago that this is forgotten"
    return Compared(standing=Standing.OLD, reason=reason)


def _apart(ours: Stated, theirs: Stated) -> Compared:
    """Neither has had the other."""
    if ours.kind is not theirs.kind:
        here, there = ("deleted", "pushed") if ours.kind is Kind.DELETE else ("pushed", "deleted")
        return _conflict(f"it was {here} here and {there} there, and neither side knew of the other")
    if ours.kind is Kind.DELETE:
        return larger(ours.stated, theirs.stated)
    if not ours.owner.same_server(theirs.owner):
        return _conflict(f"here it belongs to {ours.owner.server}, there to {theirs.owner.server}")
    if (ours.digest, ours.serial) == (theirs.digest, theirs.serial):
        return larger(ours.stated, theirs.stated)
    if _lives(ours) != _lives(theirs):
        return _conflict("it was deleted and made again, and one side does not know of that")
    return _by_serials(ours, theirs)


def _by_serials(ours: Stated, theirs: Stated) -> Compared:
    pairs = ((ours.serial, theirs.serial), (ours.pushed_serial, theirs.pushed_serial))
    if all(is_newer(there, here) for here, there in pairs):
        return _THEIRS
    if all(is_newer(here, there) for here, there in pairs):
        return _OURS
    here, there = (f"{one.serial} (pushed as {one.pushed_serial})" for one in (ours, theirs))
    return _conflict(f"the content differs, and serial {here} here and {there} there do not tell which is newer")


def _lives(one: Stated) -> frozenset[bytes]:
    """The deletes that the zone has had."""
    return frozenset(identity.content(each) for each in one.past if identity.is_delete(each))


def larger(ours: int | bytes, theirs: int | bytes) -> Compared:
    """Where nothing would differ: one of the two, the same one on both sides."""
    if ours == theirs:
        return _EQUAL
    return _THEIRS if theirs > ours else _OURS  # type: ignore[operator]


def _had(stated: bytes, past: Iterable[bytes]) -> _Had:
    counts = [identity.times(one) for one in past if identity.content(one) == identity.content(stated)]
    if not counts:
        return _Had.NO
    return _Had.YES if max(counts) >= identity.times(stated) else _Had.BEFORE


def _conflict(reason: str) -> Compared:
    return Compared(standing=Standing.CONFLICT, reason=reason)
