"""What an instance states of a zone, as another instance is told it and compares it. Values, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from directdnsonly.outbox.changes import Kind, Origin, Owner
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The newest version of a zone, or its tombstone, with the ids that the zone has had before (see identity)."""

    stated: bytes
    kind: Kind
    serial: int  # as published
    pushed_serial: int
    digest: bytes  # of the content without its serial; empty for a tombstone
    owner: Owner
    past: tuple[bytes, ...] = ()


class Standing(StrEnum):
    """How a peer's version of a zone stands to ours."""

    EQUAL = "equal"
    OURS = "newer here"  # the peer has nothing to give
    THEIRS = "newer there"  # it is taken
    CONFLICT = (
        "conflict"  # nothing tells which came last: both stay until a person chooses, or DirectAdmin pushes again
    )
    OLD = "only there"  # we may have deleted it and forgotten that: it is listed, and a person chooses


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
class Summary:
    """All zones of an instance at one moment: the digest of each bucket (see identity).

    `ready` False: a store of an earlier program is still being put into its buckets, and its digests tell nothing.
    """

    digests: tuple[int, ...]
    ready: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneState:
    """What is stated of one zone, with its text when that was asked for and can be had. `at`: epoch seconds of the version."""

    name: ZoneName
    states: Stated
    at: float
    text: str | None = None
