"""What an instance states of a zone, as another instance is told it and compares it. Values, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from directdnsonly.outbox.changes import Kind, Origin, Owner
from directdnsonly.outbox.drift import HoldRule
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The newest version of a zone, or its tombstone, with the ids that the zone has had before (see identity).

    `orphan`: it was deleted because whole lists of its server lacked it; nobody asked for that.
    """

    stated: bytes
    kind: Kind
    serial: int  # as published
    pushed_serial: int
    digest: bytes  # of the content without its serial; empty for a tombstone
    owner: Owner
    past: tuple[bytes, ...] = ()
    orphan: bool = False


class Matter(StrEnum):
    """What is decided about a zone, beside what it holds. Each is decided, and compared, by itself."""

    PIN = "pin"  # at which version it stays
    HOLD = "hold"  # which push waits for approval
    KEEP = "keep"  # that it stays although its server does not list it


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What is decided about a zone in one matter by now. `stands` False: it was released, approved, rejected, or is void.

    `stated`: the id of this decision; `past`: those of the decisions before it. `about`: what it is about, as every
    instance knows it: the pinned version, or the push that waits; empty unless it stands. `content`, `serial`: of a pinned
    version, its digest, and the serial under which it is published.
    """

    matter: Matter
    stated: bytes
    stands: bool
    past: tuple[bytes, ...] = ()
    about: bytes = b""
    content: bytes = b""
    serial: int = 0
    said: Pinning | Held | None = None  # whatever else is told of it, if it stands and that was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinning:
    """A pin, as a peer is told it. `text`: of the pinned version; None where it cannot be read any more."""

    text: str | None
    actor: str
    address: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A push that waits for approval, as a peer is told it. `base`: the id of the version that it was held beside; empty: none."""

    rule: HoldRule
    reason: str
    difference: str
    owner: Owner
    address: str
    at: float
    digest: str
    serial: int | None
    base: bytes
    body: bytes


class Standing(StrEnum):
    """How a peer's version of a zone stands to ours."""

    EQUAL = "equal"
    OURS = "newer here"  # the peer has nothing to give
    THEIRS = "newer there"  # it is taken
    CONFLICT = (
        "conflict"  # nothing tells which came last: both stay until a person chooses, or DirectAdmin pushes again
    )
    OLD = "only there"  # we may have deleted it and forgotten that: it is listed, and a person chooses
    TOO_MANY = "deleted there"  # with so many others at once that a person looks first


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How it stands, and why; `reason` is for people, and empty where nothing is to be done about it."""

    standing: Standing
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerVersion:
    """Take a peer's version of a zone, if it is newer than ours when it is recorded.

    `zone`: its content under the serial that it is published with there; None: it was deleted. `is_old`: the peer may not
    have seen that we deleted it. `chosen`: a person takes it, also where nothing tells which is newer.
    """

    name: ZoneName
    theirs: Stated
    zone: Zone | None
    origin: Origin
    at: float  # epoch seconds, by the peer: when the version was made there
    is_old: bool = False
    chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerDecision:
    """Take what a peer has decided about a zone, if that is newer than what is decided here when it is recorded.

    `beside`: what it states of the zone. `zone`: of a pin, the pinned version, under the serial that it is published with there. `behind_id`: the change id of
    what waits behind the pin, should that have to be recorded anew.
    """

    name: ZoneName
    theirs: Decided
    origin: Origin
    behind_id: str
    beside: Stated | None = None
    zone: Zone | None = None
    chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All zones of an instance at one moment: the digest of each bucket (see identity), and the number of its newest version.

    The number is the store's own, and grows with every version of any zone, unless a backup is restored. `ready` False: no peer is configured, or the zones are still being put into their buckets: the digests tell nothing.
    """

    digests: tuple[int, ...]
    newest: int = 0
    ready: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneState:
    """What is stated of one zone and decided about it, with the texts when they were asked for and can be had.

    `states` None: nothing, there is no such zone and never was, but a push of it waits. `at`: epoch seconds of the version;
    `number`: the store's own (see Summary).
    """

    name: ZoneName
    states: Stated | None
    at: float
    number: int = 0
    text: str | None = None
    decided: tuple[Decided, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerMemory:
    """What a peer has seen of us. All three are numbers of versions (see Summary); 0: none.

    `seen`: of ours, up to which it knows every delete; `newest`: of its own, at that moment; `forgotten`: of ours, up to
    which we may have forgotten deletes.
    """

    seen: int = 0
    newest: int = 0
    forgotten: int = 0

    def is_old(self, summary: Summary, number: int) -> bool:
        """Whether a zone that it has and we lack may have been deleted here. `number`: of its version there.

        So it may where we have forgotten deletes that the peer has not seen, or its store went back to what it was before.
        What it had when it was compared is not new.
        """
        went_back = summary.newest < self.newest
        return self.forgotten > 0 and (self.seen < self.forgotten or went_back or number <= self.newest)
