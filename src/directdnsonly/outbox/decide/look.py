"""The facts about one zone on which a decision is based; rarely needed ones are looked up only on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeVar

from directdnsonly.outbox.changes import Kind, NewDeletion, Origin, Owner
from directdnsonly.outbox.decide.content import Current
from directdnsonly.outbox.drift import Migration, Sighting
from directdnsonly.outbox.ownership import Above, There, Waiting
from directdnsonly.outbox.peering import Decided, Matter
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.warn import ZoneWarning

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanDelete:
    """Delete a zone that was absent from its server's lists, if it has not changed since."""

    sighting: Sighting
    deletion: NewDeletion

    @property
    def name(self) -> ZoneName:
        """The name of the zone."""
        return self.sighting.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraDelete:
    """Remove a zone that we do not own from one backend."""

    name: ZoneName
    backend: str
    change_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Release a pinned zone."""

    name: ZoneName
    origin: Origin


class Need(StrEnum):
    """What a decision may request in addition to the look."""

    AROUND = "around"  # the nearest living zone above, and who has zones below
    MOVES = "moves"  # announced moves between servers
    WHOLE = "whole"  # whether the text of the newest version can be read
    FIRST = "first"  # the number with which a zone begins that has no row
    BESIDE = "beside"  # what DNAMEs of other zones, or below this one's, mean for it
    COUNTED = "counted"  # how many living zones the asking credential has
    FORMER = "former"  # the id of the change that made the newest version
    PAST = "past"  # the ids that the zone has had before the newest version
    SIGHTING = "sighting"  # how the zone is watched by reconciliation
    DECIDED = "decided"  # what is decided about the zone
    STANDS = "stands"  # what is wanted, and the newest version as a whole, which may have to be recorded anew


class Missing(Exception):
    """Raised when a decision needs a fact that has not been looked up."""

    def __init__(self, need: Need) -> None:
        super().__init__(need)
        self.need = need


class Pinned(NamedTuple):
    """A pin: the version that is wanted instead of the newest, and the digest of its ACME challenges."""

    version: int
    challenge: bytes = b""


class Around(NamedTuple):
    """The zones around a name. `below`: another server than the requester's that has a zone below, if any."""

    above: Above | None = None
    below: Owner | None = None


class Stands(NamedTuple):
    """What is wanted (the newest version, or the pinned one), and the newest version as a whole; `text`: None if it is damaged or a tombstone."""

    serial: int  # of what is wanted, as published
    digest: bytes
    kind: Kind
    stated: bytes
    text: str | None
    records: int
    signed: bool
    redirects: str
    warnings: tuple[ZoneWarning, ...]


class More(NamedTuple):
    """The facts looked up on request; None: not requested."""

    around: Around | None = None
    moves: Sequence[Migration] | None = None
    whole: bool | None = None
    first: int | None = None
    beside: tuple[ZoneWarning, ...] | None = None
    counted: int | None = None  # -1: they were never counted
    former: str | None = None  # empty: that change is forgotten
    past: Sequence[bytes] | None = None
    sighting: Sequence[Sighting] | None = None  # none or one
    decided: Mapping[Matter, Decided] | None = None
    stands: Stands | None = None


class Look(NamedTuple):
    """The newest version or tombstone of a zone (None: it is unknown), its pin, and its held push.

    `redirecting`: whether any zone here has a DNAME.
    """

    newest: Current | None = None
    pinned: Pinned | None = None
    waits: Waiting | None = None
    redirecting: bool = False
    more: More = More()

    @property
    def version(self) -> int:
        """The number of the newest version; 0 if there is none."""
        return self.newest.version if self.newest is not None else 0

    @property
    def living(self) -> Current | None:
        """The newest version; None if it is a tombstone."""
        return self.newest if self.newest is not None and self.newest.kind is Kind.PUT else None

    @property
    def owners(self) -> tuple[Owner | None, Owner | None]:
        """Of the living zone, and of its tombstone: one of them at most."""
        if self.newest is None:
            return None, None
        return (self.newest.owner, None) if self.newest.kind is Kind.PUT else (None, self.newest.owner)

    @property
    def there(self) -> There:
        """The facts for `ownership.judge`, without the zones around."""
        zone, buried = self.owners
        return There(zone, buried, self.waits)

    def with_more(self, more: More) -> Look:
        """The same look with further facts."""
        return self._replace(more=more)


def told(need: Need, answer: T | None) -> T:
    """A fact that was looked up. Raises Missing if it was not."""
    if answer is None:
        raise Missing(need)
    return answer
