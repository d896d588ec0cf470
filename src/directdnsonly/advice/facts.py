"""What the verdict on a zone stands on, and what it says. Plain values: nothing is asked or read here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

NO_ADDRESS: Final = "stored, not proven: no name server address is known"


class Live(StrEnum):
    """Whether customers get what the newest push said."""

    LIVE = "live"
    NOT_LIVE = "not live"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """What may be said of a zone; in the order of judgement: what makes it not live, then what hides whether it is."""

    REFUSED = "refused"  # the newest push
    LOST = "lost"  # the newest push: we could not keep it
    HELD = "held"  # the newest push waits for approval
    PINNED = "pinned"  # a person holds an older version
    GIVEN_UP = "given-up"  # on a backend
    FAILING = "failing"  # on a backend, tried again
    PAUSED = "paused"  # a backend, with the zone outstanding
    DOWN = "down"  # a backend, with the zone outstanding
    WRONG = "wrong"  # proven once, and answered otherwise now
    MEMORY = "memory"  # deleted, and still answered from a name server's memory
    ON_ITS_WAY = "on-its-way"
    SILENT = "silent"  # a name server does not answer: what it serves cannot be told
    UNPROVEN = "unproven"  # there is nobody to ask
    UNHEARD = "unheard"  # it was never pushed
    OPERATORS = "operators"  # deleted; a zone of the name is there that we did not make, and it stays
    ORPHAN = "orphan"  # its server lists it no more
    OWNERLESS = "ownerless"  # no configured server answers for it
    FINE = "fine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One version of the zone, as we keep it."""

    version: int
    serial: int
    at: float
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """A push (or delete) that was answered with an error, and nothing was accepted since. `sender` where it is not the zone's owner."""

    at: float
    reason: str
    sender: str = ""
    what: str = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A push that waits for approval."""

    at: float
    reason: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A zone that is held as it is. `waiting`: the newest version behind the pin."""

    actor: str
    reason: str
    at: float
    version: int
    waiting: Edition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A zone that its server's lists lack. `due_at`: when it would be deleted; `plan`: it waits for this approval."""

    server: str
    absences: int
    first_at: float
    due_at: float
    plan: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclaimed:
    """A zone that no configured DirectAdmin server answers for. `hostname` empty: it was not pushed by one."""

    hostname: str
    credential: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Who has stopped the work for a backend."""

    actor: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one name server (or a backend's own store) says now, as the lane that proves it judges. `serial` None: none."""

    server: str
    proven: bool
    answered: bool
    serial: int | None = None
    said: str = ""  # the answer's code, where it has no serial
    reason: str = ""
    same_serial: bool = False  # as wanted, though it is not proven: other records
    unread: bool = False  # the serial is as wanted, and its records cannot be read: neither proven nor wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The zone on one backend. `answers` is empty when nobody knows where its name servers are asked."""

    backend: str
    state: str
    want_version: int
    verified_version: int = 0
    verified_at: float | None = None
    attempts: int = 0
    reason: str = ""
    due_at: float | None = None
    failed_at: float | None = None  # the last attempt without proof
    paused: Stop | None = None
    down: bool = False
    down_since: float | None = None
    down_reason: str = ""
    bundled: bool = False  # we start the name server ourselves
    answers: Sequence[Heard] = ()
    stored: Heard | None = None  # where the backend reads what its name server reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the verdict stands on. `newest`: what is wanted on the name servers; `versions`: those that are kept, newest first."""

    name: str
    newest: Edition | None = None
    versions: Sequence[Edition] = ()
    refused: Setback | None = None
    lost: Setback | None = None
    held: Waiting | None = None
    pin: Pinned | None = None
    orphan: Orphan | None = None
    unclaimed: Unclaimed | None = None
    places: Sequence[Place] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that is so. `do` is empty when there is nothing to do, `since` None when nobody knows."""

    cause: Cause
    live: Live
    why: str
    do: str = ""
    since: float | None = None
    backend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict: the first of `reasons` is its cause, the others hold as well."""

    live: Live
    headline: str
    customers: str
    reasons: tuple[Reason, ...]
