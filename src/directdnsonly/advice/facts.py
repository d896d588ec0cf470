"""The facts on which a zone's verdict is based, and the verdict itself. Plain values; nothing is queried or read here."""

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
    """The possible causes of a verdict, in order of judgement: those that make a zone not live, then those that hide whether it is."""

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
    """A kept version of the zone."""

    version: int
    serial: int
    at: float
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """A push (or delete) that was answered with an error, with nothing accepted since. `sender`: if it is not the zone's owner."""

    at: float
    reason: str
    sender: str = ""
    what: str = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A held push."""

    at: float
    reason: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """The zone's pin. `waiting`: the newest version behind it."""

    actor: str
    reason: str
    at: float
    version: int
    waiting: Edition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A zone absent from its server's lists. `due_at`: when it would be deleted; `plan`: the approval that it waits for."""

    server: str
    absences: int
    first_at: float
    due_at: float
    plan: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclaimed:
    """A zone for which no configured DirectAdmin server is responsible. `hostname` empty: it was not pushed by one."""

    hostname: str
    credential: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The pause of a backend: who, when and why."""

    actor: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a name server (or a backend's storage) says now, judged as for proof. `serial`: None if there is none."""

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
    """The zone on one backend. `answers` is empty if no address of its name servers is known."""

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
    """All facts for a verdict. `newest`: the version wanted on the name servers; `versions`: the kept ones, newest first."""

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
    """One reason for the verdict. `do` is empty if there is nothing to do, `since` None if unknown."""

    cause: Cause
    live: Live
    why: str
    do: str = ""
    since: float | None = None
    backend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict: the first of `reasons` is its cause, the others apply as well."""

    live: Live
    headline: str
    customers: str
    reasons: tuple[Reason, ...]
