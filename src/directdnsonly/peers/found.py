"""What an exchange finds: how each zone of a peer stands to ours, and what a person has to be told. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Kind, Notice
from directdnsonly.outbox.decide.decisions import compare_decisions
from directdnsonly.outbox.decide.merge import compare
from directdnsonly.outbox.peering import Compared, Decided, Matter, Standing, Stated, ZoneState
from directdnsonly.zone.name import ZoneName

SHOWN: Final = 1000  # zones that differ and are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A zone that stays different after the exchange, with what is stated on both sides."""

    name: ZoneName
    standing: Standing
    reason: str
    ours: Stated | None
    theirs: Stated | None


@dataclass(slots=True, kw_only=True)
class Exchanged:
    """What became of an exchange. `whole`: all that differed was looked at; `lacking`: zones that the peer has and we do not.

    `taken`: versions; `decided`: pins, held pushes and kept zones that act here, or no more. `unseen`: zones that live there
    and are, or may have been, deleted here; `differs`: the first SHOWN zones that stay different; `behind`: those of which
    the peer has only to take ours. `too_many`: zones that are deleted there and stay here because of the cap; `plan`: what
    lets exactly these go (see Exchange.run); `notices`: for the audit, of what this exchange found and the one before did not.
    """

    buckets: int = 0
    taken: int = 0
    decided: int = 0
    behind: int = 0
    conflicts: int = 0
    lacking: int = 0
    unseen: int = 0
    too_many: int = 0
    plan: str = ""
    whole: bool = True
    differs: list[Difference] = field(default_factory=list)
    notices: tuple[Notice, ...] = ()

    @property
    def seen(self) -> bool:
        """Whether the peer had nothing that is deleted here: it knows all our deletes."""
        return self.whole and not self.unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How a zone of the peer stands to ours. `wants`: something of it is newer there; `takes_away`: and that ends the zone."""

    compared: Compared
    decided: Sequence[Compared]
    ours: Stated | None
    theirs: Stated | None
    takes_away: bool

    @property
    def wants(self) -> bool:
        """Whether something of it is newer there."""
        return any(one.standing is Standing.THEIRS for one in (self.compared, *self.decided))


def seen_of(known: ZoneState | None, told: ZoneState, *, is_old: bool) -> Seen:
    """How it stands. `known`: ours; `is_old`: see PeerVersion."""
    ours = known.states if known is not None else None
    theirs = _whole(told.states, ours) if told.states is not None else None
    compared = compare(ours, theirs, is_old=is_old)
    here = {one.matter: one for one in known.decided} if known is not None else {}
    there = {one.matter: one for one in told.decided}
    is_new = known is None and is_old
    decided = {each: compare_decisions(here.get(each), there.get(each), is_old=is_new) for each in Matter}
    newest = theirs if compared.standing is Standing.THEIRS else ours
    pins = there if decided[Matter.PIN].standing is Standing.THEIRS else here
    was, is_gone = _is_pinned(here) or _lives(ours), not _is_pinned(pins) and not _lives(newest)
    return Seen(
        compared=compared, decided=tuple(decided.values()), ours=ours, theirs=theirs, takes_away=was and is_gone
    )


def _is_pinned(decided: Mapping[Matter, Decided]) -> bool:
    return Matter.PIN in decided and decided[Matter.PIN].stands


def _lives(states: Stated | None) -> bool:
    return states is not None and states.kind is Kind.PUT


def count(done: Exchanged, name: ZoneName, seen: Seen) -> None:
    """Note how a zone stands, and name it where a person has to look."""
    standing = seen.compared.standing
    if seen.theirs is not None:
        done.unseen += _is_unseen(seen.ours, seen.theirs, standing)
    done.behind += not seen.wants and Standing.OURS in {one.standing for one in (seen.compared, *seen.decided)}
    for one in (seen.compared, *seen.decided):
        if one.standing in {Standing.CONFLICT, Standing.OLD}:
            differs(done, name, one.standing, one.reason, seen.ours, seen.theirs)


def _whole(theirs: Stated, ours: Stated | None) -> Stated:
    """With the digest that is not told: ours, if the id says that it is the same content."""
    if ours is not None and theirs.kind is Kind.PUT and fits(replace(theirs, digest=ours.digest)):
        return replace(theirs, digest=ours.digest)
    return theirs


def _is_unseen(ours: Stated | None, theirs: Stated, standing: Standing) -> bool:
    is_buried = ours is not None and ours.kind is Kind.DELETE and standing is not Standing.THEIRS
    return theirs.kind is Kind.PUT and (is_buried or standing is Standing.OLD)


def fits(states: Stated) -> bool:
    """Whether an id is that of its content, serial and owner, after any that the zone has had."""
    wanted = identity.content(states.stated)
    return any(
        wanted == identity.content(identity.of_zone(states.digest, states.serial, states.owner, after=after))
        for after in (identity.NOTHING, *reversed(states.past))
    )


def differs(
    done: Exchanged, name: ZoneName, standing: Standing, reason: str, ours: Stated | None, theirs: Stated | None
) -> None:
    """Note a zone that stays different."""
    done.conflicts += standing is Standing.CONFLICT
    done.lacking += standing is Standing.OLD
    if len(done.differs) < SHOWN:
        done.differs.append(Difference(name=name, standing=standing, reason=reason, ours=ours, theirs=theirs))
