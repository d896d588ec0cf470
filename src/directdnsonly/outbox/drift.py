"""The values that reconciliation keeps in the store. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from directdnsonly.outbox.records import Kind, Owner, Source
from directdnsonly.zone.name import ZoneName


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One row of the store: a zone or its tombstone, without its text."""

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
    """A zone that its server's whole list lacked. `plan`: the approval that it waits for."""

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
    """The last whole list of a server. `accepted`: an operator vouches for the next list, however short."""

    server: str
    zones: int
    listed_at: float
    accepted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass as it is kept. `report`: JSON of plan and result."""

    started_at: float
    ended_at: float
    dry_run: bool
    report: str
    id: int = 0
