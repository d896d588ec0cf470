"""A change of a zone: what is asked of the store, and what it tells of it. Values, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final, Literal

from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.warn import ZoneWarning


class Kind(StrEnum):
    """What a version of a zone is."""

    PUT = "put"
    DELETE = "delete"  # a tombstone


class Source(StrEnum):
    """How a version came to us."""

    DIRECTADMIN = "directadmin"
    API = "api"
    ROLLBACK = "rollback"
    PULL = "pull"
    PEER = "peer"
    RECONCILE = "reconcile"


class Priority(IntEnum):
    """Order in which a lane takes due work; smaller first."""

    URGENT = 0  # named_reload=yes, or an _acme-challenge record changed
    INTERACTIVE = 1  # somebody pressed a button
    BULK = 2  # mass rewrites, healing


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who a zone belongs to: our credential that pushed it, DA's host name and DA's user (either may be empty)."""

    credential: str = ""
    hostname: str = ""
    username: str = ""

    def same_server(self, other: Owner) -> bool:
        """Whether both are the same DirectAdmin server. The host name tells; where one is missing, the credential does."""
        if self.hostname and other.hostname:
            return self.hostname == other.hostname
        return self.credential == other.credential

    @property
    def server(self) -> str:
        """How its server is called; empty for nobody."""
        return self.hostname or self.credential


Takeover = Literal["transfer", "hold", "reject"]  # what becomes of a push that touches another server's zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asks for a change, and how. `change_id` follows the push from the door to the name server."""

    change_id: str
    source: Source
    owner: Owner
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What the audit is told of a change. `planned`: an operator has announced it, so nobody need be warned."""

    event: str
    detail: str
    planned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """A push that waits for approval. `anew` False: this very push waited already."""

    rule: str
    reason: str
    digest: str
    anew: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Why a push looks like an accident, beside this version of the zone."""

    version: int
    reason: str


BEHIND_PIN: Final = (
    "the zone is pinned at version"  # so begins what the sender of a change is told that waits behind a pin
)


class Became(StrEnum):
    """What became of a push or a delete that was accepted: the word of the API, the log and the metrics."""

    ACCEPTED = "accepted"  # a push that made work
    UNCHANGED = "unchanged"  # a push of what is held already
    DELETED = "deleted"
    PINNED = "pinned"  # recorded behind a pin: served, or gone, when that is released
    WITHHELD = "withheld"  # kept until somebody approves it
    IGNORED = "ignored"  # a delete that has nothing to do, or is not the sender's


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was recorded for an accepted push or delete.

    `changed` False: nothing is to be done (same content, unknown zone deleted, or `ignored` says why: a late delete, a
    pinned zone).
    `took_over` is the former owner when the push moved the zone. `serial` is the one that will be published.
    Not kept: `waits`, that it was recorded behind a pin; `begun`, backends whose lane has the change already (see Takers); `notices`, for the audit; `withheld`, what
    waits for approval instead; `gives_way`, the digest of a push that is to be recorded instead of this delete; `overtaken`,
    that something else came first, and nothing was recorded.
    """

    change_id: str
    name: ZoneName
    version: int
    kind: Kind
    changed: bool
    serial: int = 0
    priority: Priority = Priority.INTERACTIVE
    took_over: Owner | None = None
    ignored: str = ""
    waits: bool = False
    warnings: tuple[ZoneWarning, ...] = ()
    begun: frozenset[str] = field(default=frozenset(), compare=False)
    notices: tuple[Notice, ...] = field(default=(), compare=False)
    withheld: Withheld | None = field(default=None, compare=False)
    gives_way: str = field(default="", compare=False)
    overtaken: bool = field(default=False, compare=False)

    @property
    def became(self) -> Became:
        """What became of the change."""
        if self.withheld is not None:
            return Became.WITHHELD
        if self.ignored.startswith(BEHIND_PIN):
            return Became.PINNED
        if self.kind is Kind.DELETE:
            return Became.DELETED if self.changed else Became.IGNORED
        return Became.ACCEPTED if self.changed else Became.UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a change is recorded under, judged and kept in its own transaction.

    `expected_version`: only while that is the zone's newest version (0: there is no such zone). `max_zones`: only while
    the credential of the origin then holds no more (0: any number; else `count_limited` has counted its zones). `key`: kept with the change, so that the request can
    be repeated without harm; `fingerprint`: of what was asked.
    """

    expected_version: int | None = None
    max_zones: int = 0
    key: str = ""
    fingerprint: bytes = b""


FREELY = Terms()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """A push to record: the parsed zone and who sent it."""

    zone: Zone
    origin: Origin
    priority: Priority = Priority.INTERACTIVE
    only_if_version: int | None = None  # record only while this is the newest version (0: none yet)
    terms: Terms = FREELY
    takeover: Takeover = "transfer"
    loss: Loss | None = None
    body: bytes = b""  # as it was sent; kept when the push has to wait for approval
    approves: str = ""  # the digest of the push that waited, and is to be recorded now


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeletion:
    """A delete to record. `gives_way`: to a take-over that waits; nothing is recorded then, and the receipt says so."""

    name: ZoneName
    origin: Origin
    priority: Priority = Priority.INTERACTIVE
    terms: Terms = FREELY
    gives_way: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPin:
    """A wish to hold the version that is wanted now; `version` guards against one that came a moment ago."""

    name: ZoneName
    actor: str
    address: str = ""
    reason: str = ""
    version: int | None = None
