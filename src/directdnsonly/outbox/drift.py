"""Values that reconciliation keeps in the store. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from directdnsonly.outbox.changes import Kind, Owner, Source
from directdnsonly.zone.name import ZoneName


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A zone or tombstone as reconciliation sees it, without its text."""

    name: ZoneName
    version: int
    kind: Kind
    serial: int  # as published
    pushed_serial: int
    owner: Owner
    source: Source
    pushed_at: float


class SightingState(StrEnum):
    """How far an absent zone has come."""

    ABSENT = "absent"  # lacking in whole lists
    QUARANTINED = "quarantined"  # still served, to be deleted when the grace is over
    KEPT = "kept"  # an operator said: keep, until its server lists or pushes it again


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """The record of a zone absent from its server's complete list. `plan`: the approval that it waits for."""

    name: ZoneName
    version: int
    server: str
    absences: int
    first_at: float
    last_at: float
    state: SightingState = SightingState.ABSENT
    quarantined_at: float | None = None
    plan: str = ""
    approved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The last complete list of a server. `accepted`: an operator accepts the next list, however short.

    `vouched`: how many zones of its server's the list held that an operator has vouched for, while the server still owns so
    many with us that it would be too short; later lists are compared with it. Else 0.
    """

    server: str
    zones: int
    listed_at: float
    accepted: bool = False
    vouched: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A stored pass. `report`: plan and result as JSON."""

    started_at: float
    ended_at: float
    dry_run: bool
    report: str
    id: int = 0


class HoldRule(StrEnum):
    """Why a push is held."""

    LOSS = "loss"  # it loses much of the zone
    TAKEOVER = "takeover"  # another server's zone
    OVERLAP = "overlap"  # a new zone above or below another server's


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPush:
    """A push that is committed but served only once approved. `digest`: of its content without the serial, in hexadecimal.

    `serial`: as pushed; None: an earlier program held it.
    """

    name: ZoneName
    version: int  # of the zone when it was held
    digest: str
    rule: HoldRule
    reason: str
    difference: str
    owner: Owner
    address: str
    at: float
    body: bytes
    serial: int | None = None
    damaged: str = ""  # why the body cannot be read any more (it is empty then), and what to do


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """An announced move of zones (all if none are named) from one DirectAdmin server to another, by their host names."""

    former: str
    server: str
    zones: tuple[ZoneName, ...]
    until: float
    id: int = 0
