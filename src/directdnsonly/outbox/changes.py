"""Changes of zones: what is requested of the store, and the receipt it returns. Values, no I/O."""

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
    """Where a version came from."""

    DIRECTADMIN = "directadmin"
    API = "api"
    ROLLBACK = "rollback"
    PULL = "pull"
    PEER = "peer"
    RECONCILE = "reconcile"


class Priority(IntEnum):
    """The order in which a lane takes due work; lower values first."""

    URGENT = 0  # named_reload=yes, or an _acme-challenge record changed
    INTERACTIVE = 1  # somebody pressed a button
    BULK = 2  # mass rewrites, healing


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The owner of a zone: our credential that pushed it, DirectAdmin's host name and user (either may be empty)."""

    credential: str = ""
    hostname: str = ""
    username: str = ""

    def same_server(self, other: Owner) -> bool:
        """Whether both are the same DirectAdmin server, by host name, or by credential if a host name is missing."""
        if self.hostname and other.hostname:
            return self.hostname == other.hostname
        return self.credential == other.credential

    @property
    def server(self) -> str:
        """The name of its server (host name, else credential); empty for nobody."""
        return self.hostname or self.credential


Takeover = Literal["transfer", "hold", "reject"]  # what becomes of a push that touches another server's zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who requests a change, and how. `change_id` identifies the push from its arrival to the name server."""

    change_id: str
    source: Source
    owner: Owner
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something about a change for the audit. `planned`: an operator announced it, so it is no warning."""

    event: str
    detail: str
    planned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """A push held for approval. `anew` False: this very push was already waiting."""

    rule: str
    reason: str
    digest: str
    anew: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Why a push looks like an accident, compared with this version of the zone."""

    version: int
    reason: str


BEHIND_PIN: Final = (
    "the zone is pinned at version"  # so begins what the sender of a change is told that waits behind a pin
)


class Became(StrEnum):
    """The outcome of an accepted push or delete, as named in the API, the log and the metrics."""

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
    `stated`: the version id, hex (see identity); empty where the change made no version, or it is kept no more.
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
    stated: str = field(default="", compare=False)
    begun: frozenset[str] = field(default=frozenset(), compare=False)
    notices: tuple[Notice, ...] = field(default=(), compare=False)
    withheld: Withheld | None = field(default=None, compare=False)
    gives_way: str = field(default="", compare=False)
    overtaken: bool = field(default=False, compare=False)

    @property
    def became(self) -> Became:
        """The outcome of the change."""
        if self.withheld is not None:
            return Became.WITHHELD
        if self.ignored.startswith(BEHIND_PIN):
            return Became.PINNED
        if self.kind is Kind.DELETE:
            return Became.DELETED if self.changed else Became.IGNORED
        return Became.ACCEPTED if self.changed else Became.UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The conditions of a change (expected version, idempotency key, limits), checked in its own transaction.

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
    """A delete to record. `gives_way`: if a take-over is waiting, nothing is recorded and the receipt says so.

    `remembers`: also of a zone that we do not have, for peers may have it.
    """

    name: ZoneName
    origin: Origin
    priority: Priority = Priority.INTERACTIVE
    terms: Terms = FREELY
    gives_way: bool = True
    remembers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPin:
    """A request to pin the wanted version; `version` guards against one that came a moment ago."""

    name: ZoneName
    actor: str
    address: str = ""
    reason: str = ""
    version: int | None = None
