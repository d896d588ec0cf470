"""Deliveries: what is wanted on a backend, what is claimed, and how an attempt ended. Values, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from directdnsonly.outbox.changes import (
    Kind,
    Priority,
)
from directdnsonly.outbox.lifecycle import State
from directdnsonly.zone.name import ZoneName


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One zone on one backend: what is wanted there, what is there, and why they differ."""

    backend: str
    name: ZoneName
    want_version: int
    want_kind: Kind
    state: State
    priority: Priority
    due_at: float | None
    attempts: int
    applied_version: int
    verified_version: int
    verified_at: float | None
    served_serial: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One delivery leased to a lane: apply `version` (the newest when the claim was read), then settle by `fence`."""

    backend: str
    name: ZoneName
    fence: int
    attempts: int  # failed ones before this
    priority: Priority
    wanted_at: float  # epoch seconds at which this version was recorded
    change_id: str
    version: int
    kind: Kind
    serial: int
    records: int
    text: str | None
    known: bool  # the backend has applied some version before
    # Its serial does not tell it from what may be served there: another version has the same one, or this very version was
    # proven there before, and something else came upon it.
    same_serial: bool = False
    proven_before: bool = False
    damaged: str = ""  # why the store cannot give the text any more, and what to do; there is nothing to apply then

    @property
    def unsure(self) -> bool:
        """Whether the serial alone cannot prove this version, so that its records must be compared."""
        return self.same_serial or self.proven_before


class Settle(StrEnum):
    """How an attempt ended."""

    APPLIED = "applied"  # the backend took it; the proof is still out and the lease goes on
    VERIFIED = "verified"  # the name server itself proved it
    RETRY = "retry"  # failed for now: due again at `due_at`, one attempt burned
    DEFER = "defer"  # given back unharmed (backend down, shutdown): due at `due_at`, no attempt burned
    BURY = "bury"  # failed for good: dead until revived


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The outcome of one attempt; written only if the claim's fence still holds."""

    claim: Claim
    how: Settle
    reason: str = ""
    due_at: float | None = None
    served_serial: int | None = None
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The outstanding work of one backend. `proven`: existing zones whose wanted version it has proven."""

    backend: str
    pending: int
    leased: int
    dead: int
    oldest_wanted_at: float | None
    proven: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt that did not end in proof, and the state in which it left the delivery."""

    backend: str
    version: int
    state: State
    attempt: int
    reason: str
    at: float
    elapsed_s: float
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementPage:
    """A page of deliveries; `next` is the cursor of the following page, empty on the last."""

    placements: tuple[Placement, ...]
    next: str
