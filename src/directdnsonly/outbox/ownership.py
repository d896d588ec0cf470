"""Who may do what to a zone. Pure: called in the transaction of the change, so nothing can come between.

Every change of a zone is judged here and nowhere else. All cases stand in docs/ownership.md, which is the test's table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from directdnsonly.outbox.changes import NewDeletion, NewVersion, Notice, Owner, Source, Takeover
from directdnsonly.outbox.drift import HoldRule, Migration
from directdnsonly.zone.name import ZoneName

LATE: Final = "late delete from {}: the zone belongs to {} now"


class Act(StrEnum):
    """A requested change and who requests it."""

    PUSH = "server pushes"
    DELETE = "server deletes"
    PULL = "pass pulls"
    SWEEP = "pass deletes"
    PUT = "person writes"
    ROLL_BACK = "person rolls back"
    REMOVE = "person deletes"
    BOUND_PUT = "bound credential writes"
    BOUND_ROLL_BACK = "bound credential rolls back"
    BOUND_REMOVE = "bound credential deletes"
    LET_IN = "waiting push is let in"


_MAKES: Final = frozenset({Act.PUSH, Act.PULL, Act.BOUND_PUT})  # judged beside the zones above and below
_DELETES: Final = frozenset({Act.DELETE, Act.SWEEP, Act.REMOVE, Act.BOUND_REMOVE})
_BOUND: Final = frozenset({Act.BOUND_PUT, Act.BOUND_ROLL_BACK, Act.BOUND_REMOVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A held push of the zone. `serial`: as pushed; None: an earlier program held it. It makes no push another one."""

    rule: HoldRule
    owner: Owner
    digest: str
    serial: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Above:
    """The nearest existing parent zone. `holds`: it has records at the name or below it."""

    name: ZoneName
    owner: Owner
    holds: bool = False


class There(NamedTuple):
    """What exists at and around the name. `zone`: the owner of the existing zone; `buried`: that of its tombstone.

    `below`: a server that has zones below, another one than the asker's if there is any; `moves`: announced ones.
    """

    zone: Owner | None = None
    buried: Owner | None = None
    waits: Waiting | None = None
    above: Above | None = None
    below: Owner | None = None
    moves: Sequence[Migration] = ()


class Record(NamedTuple):
    """The change is recorded. `former`: who loses the zone; `drops`: the zone's held push is dropped."""

    former: Owner | None = None
    notices: tuple[Notice, ...] = ()
    drops: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """Nothing is changed, which is not an error."""

    reason: str = ""
    notices: tuple[Notice, ...] = ()
    drops: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The push is held for approval, replacing the one held before."""

    rule: HoldRule
    reason: str
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """The change is refused."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveWay:
    """The owner deletes a zone while another server's take-over is held: that take-over is released instead."""

    digest: str


Verdict = Record | Ignore | Hold | Refuse | GiveWay


def act_of(change: NewVersion | NewDeletion) -> Act:
    """The Act of a change. An API credential bound to a server acts under that server's host name."""
    source, bound = change.origin.source, bool(change.origin.owner.hostname)
    if isinstance(change, NewDeletion):
        if source is Source.DIRECTADMIN:
            return Act.DELETE
        if source is Source.RECONCILE:
            return Act.SWEEP
        return Act.BOUND_REMOVE if bound else Act.REMOVE
    if change.approves:
        return Act.LET_IN
    if source in {Source.DIRECTADMIN, Source.PULL}:
        return Act.PUSH if source is Source.DIRECTADMIN else Act.PULL
    if source is Source.ROLLBACK:
        return Act.BOUND_ROLL_BACK if bound else Act.ROLL_BACK
    return Act.BOUND_PUT if bound else Act.PUT


def looks_around(act: Act, zone: Owner | None) -> bool:
    """Whether zones above and below matter: only if the change creates a zone."""
    return zone is None and act in _MAKES


def is_foreign(owner: Owner | None, asker: Owner) -> bool:
    """Whether an owner is another server (or person) than the requester; False if there is no owner."""
    return owner is not None and bool(owner.server) and not owner.same_server(asker)


def is_touched(asker: Owner, there: There) -> bool:
    """Whether the change touches another server's zones, so that announced moves matter."""
    return (
        is_foreign(there.zone, asker)
        or is_foreign(there.below, asker)
        or (there.above is not None and is_foreign(there.above.owner, asker))
    )


def is_planned(name: ZoneName, former: Owner, asker: Owner, moves: Sequence[Migration]) -> bool:
    """Whether an operator has announced that this zone moves between these two servers."""
    return any(
        move.former == former.hostname and move.server == asker.hostname and (not move.zones or name in move.zones)
        for move in moves
    )


def judge(act: Act, name: ZoneName, asker: Owner, there: There, *, takeover: Takeover, approves: str = "") -> Verdict:
    """The judgement on a change. `approves`: the digest of the held push that is being approved."""
    if act in _DELETES:
        return _judge_delete(act, asker, there)
    if act is Act.LET_IN and (there.waits is None or there.waits.digest != approves):
        return Ignore(reason="that push does not wait any more")
    if act in _BOUND and (refused := _not_theirs(act, name, asker, there)):
        return refused
    if act is Act.PUT or act is Act.ROLL_BACK:  # a person is no server, whatever credential they share with one
        return Record(drops=there.waits is not None and there.waits.rule is HoldRule.LOSS)
    if act is Act.BOUND_ROLL_BACK:
        return Record(drops=_ends_waiting(asker, there))
    if is_foreign(there.zone, asker) and there.zone is not None:
        return _judge_takeover(act, name, asker, there, there.zone, takeover)
    if there.zone is None:
        return _judge_new(act, name, asker, there, takeover)
    return Record(drops=_ends_waiting(asker, there))


def _judge_takeover(act: Act, name: ZoneName, asker: Owner, there: There, former: Owner, takeover: Takeover) -> Verdict:
    # A pass pulls another server's zone only when that one's whole list lacks it: as good as an announcement.
    planned = is_planned(name, former, asker, there.moves) or act in {Act.PULL, Act.LET_IN}
    if not planned and takeover == "reject":
        return Refuse(rule="takeover", reason=f"{name} belongs to {former.server}; takeover is set to reject")
    if not planned and takeover == "hold":
        return _hold(HoldRule.TAKEOVER, f"belongs to {former.server}, pushed by {asker.server}", asker, there)
    told = Notice(event="zone.taken_over", detail=f"from {former.server} to {asker.server}", planned=planned)
    return Record(former=former, notices=(told,), drops=_ends_waiting(asker, there))


def _judge_new(act: Act, name: ZoneName, asker: Owner, there: There, takeover: Takeover) -> Verdict:
    """A zone that is not there yet, beside those of other servers above and below it."""
    neighbours: list[tuple[ZoneName, Owner, str]] = []
    if there.above is not None and is_foreign(there.above.owner, asker):
        above = there.above
        neighbours.append(
            (above.name, above.owner, f"{name} lies in {above.name}, which belongs to {above.owner.server}")
        )
    if there.below is not None and is_foreign(there.below, asker):
        neighbours.append((name, there.below, f"{there.below.server} has zones below {name}"))
    drops = _ends_waiting(asker, there)
    if not neighbours:
        return Record(drops=drops)
    why = " and ".join(text for *_, text in neighbours)
    planned = act is Act.LET_IN or all(
        is_planned(name, owner, asker, there.moves) or is_planned(zone, owner, asker, there.moves)
        for zone, owner, _ in neighbours
    )
    if not planned and takeover == "reject":
        return Refuse(rule="overlap", reason=f"{why}; takeover is set to reject")
    hides = there.above is not None and there.above.holds
    if not planned and (takeover == "hold" or hides):
        if hides:
            why += ", and has records of that name"
        if act is Act.BOUND_PUT:
            return Refuse(rule="overlap", reason=f"{why}; what is written by the API does not wait for approval")
        return _hold(HoldRule.OVERLAP, why, asker, there)
    told = Notice(event="zone.overlaps", detail=f"{why}; pushed by {asker.server}", planned=planned)
    return Record(notices=(told,), drops=drops)


def _not_theirs(act: Act, name: ZoneName, asker: Owner, there: There) -> Refuse | None:
    """By the API a credential that is bound to one server touches no other server's zone."""
    owner = there.zone or (there.buried if act is Act.BOUND_ROLL_BACK else None)
    if owner is None or not is_foreign(owner, asker):
        return None
    return Refuse(rule="credential-zone", reason=f"{name} belongs to {owner.server}, not to {asker.hostname}")


def _judge_delete(act: Act, asker: Owner, there: There) -> Verdict:
    waits = there.waits
    theirs = waits is not None and waits.owner.same_server(asker)
    if there.zone is None:
        # What waits is deleted by the server that pushed it, or by a person; another server has no say in it.
        over = waits is not None and (act is Act.REMOVE or (theirs and act is not Act.SWEEP))
        return Ignore(drops=over, notices=_dropped(waits) if over else ())
    if act is Act.SWEEP:
        if waits is not None and waits.rule is not HoldRule.LOSS:
            return Ignore(reason=f"a push of {waits.owner.server} waits for it")
        return Record(drops=waits is not None)
    if act is Act.REMOVE:
        return Record(drops=waits is not None, notices=_dropped(waits))
    if is_foreign(there.zone, asker):
        if act is Act.BOUND_REMOVE:
            return Refuse(
                rule="credential-zone", reason=f"the zone belongs to {there.zone.server}, not to {asker.server}"
            )
        withdrawn = waits is not None and theirs
        return Ignore(
            reason=LATE.format(asker.server, there.zone.server),
            drops=withdrawn,
            notices=_dropped(waits) if withdrawn else (),
        )
    if waits is not None and waits.rule is not HoldRule.LOSS and not theirs:
        return GiveWay(digest=waits.digest)
    return Record(drops=waits is not None, notices=_dropped(waits))


def hold_loss(reason: str, asker: Owner, there: There) -> Hold:
    """Hold a push that may be recorded but looks like an accident."""
    return _hold(HoldRule.LOSS, reason, asker, there)


def drop_all(there: There) -> Record:
    """Record a delete and drop the held push, which could not be released first."""
    return Record(drops=True, notices=_dropped(there.waits))


def _hold(rule: HoldRule, reason: str, asker: Owner, there: There) -> Hold:
    others = there.waits is not None and not _ends_waiting(asker, there)
    return Hold(rule=rule, reason=reason, notices=_dropped(there.waits) if others else ())


def _ends_waiting(asker: Owner, there: There) -> bool:
    """A push that is recorded ends an older loss, and what its own server had waiting; another server's still waits."""
    waits = there.waits
    return waits is not None and (waits.rule is HoldRule.LOSS or waits.owner.same_server(asker))


def _dropped(waits: Waiting | None) -> tuple[Notice, ...]:
    """What was acknowledged and is not served is told; a loss concerns its own server only, and that has moved on."""
    if waits is None or waits.rule is HoldRule.LOSS:
        return ()
    return (Notice(event="push.dropped", detail=f"of {waits.owner.server}, digest {waits.digest[:16]}"),)


def owner_after(living: Owner | None, buried: Owner | None, push: NewVersion) -> Owner:
    """The owner after the change. DirectAdmin's pushes take ownership; a person's edit of an existing zone does not.

    A rollback of a deleted zone gives it back to the owner that it had.
    """
    if push.origin.source is Source.ROLLBACK and buried is not None:
        return buried
    if living is None or push.origin.source in {Source.DIRECTADMIN, Source.PULL}:
        return push.origin.owner
    return living


class Existence(StrEnum):
    """The answer to a domain check."""

    ABSENT = "exists=0"
    HELD = "exists=1"
    PARENT_HELD = "exists=2"
    PARENT_OWNED = "exists=3"  # with host name and user: DirectAdmin lets the same user of the same server through


def existence(held: Owner | None, *, exact: bool, tells_owner: bool) -> Existence:
    """The domain check's answer for the zone or its nearest parent. `tells_owner`: check_subdomain_owner_in_cluster_domainowners.

    Without both names DirectAdmin has nothing to compare with: an empty user could look like the empty user of an admin.
    """
    if held is None:
        return Existence.ABSENT
    if exact:
        return Existence.HELD
    return Existence.PARENT_OWNED if tells_owner and held.hostname and held.username else Existence.PARENT_HELD
