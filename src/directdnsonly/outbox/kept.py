"""Values that the store keeps for people: zones, history, pins, refused and lost pushes, the audit, figures. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from directdnsonly.errors import Fault
from directdnsonly.outbox.changes import (
    Kind,
    Owner,
    Source,
)
from directdnsonly.outbox.deliveries import Backlog
from directdnsonly.outbox.operators import Pause
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.warn import ZoneWarning


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneSummary:
    """The newest version of a zone (or its tombstone), without its text."""

    name: ZoneName
    version: int
    kind: Kind
    serial: int  # as published
    pushed_serial: int  # as DirectAdmin sent it
    records: int
    digest: str  # hex
    signed: bool
    owner: Owner
    source: Source
    change_id: str
    pushed_at: float  # epoch seconds of the last accepted push
    changed_at: float  # epoch seconds of the version
    stated: str = ""  # its version id, hex (see identity)
    warnings: tuple[ZoneWarning, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A push that was answered error=1, kept for operators. `name`: as it was sent."""

    change_id: str
    name: str
    rule: str
    reason: str
    owner: Owner
    address: str
    at: float
    body: bytes = b""  # the first part of what was sent
    faults: tuple[Fault, ...] = ()  # rule and reason are those of the first
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An audit event: who did what to which zone, with what result."""

    at: float
    event: str
    zone: str = ""
    actor: str = ""
    address: str = ""
    detail: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LostPush:
    """The newest push or delete of a zone that was answered error=1 because it could not be recorded; DirectAdmin does not repeat it."""

    name: ZoneName
    kind: Kind
    change_id: str
    reason: str
    owner: Owner
    address: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The store's counts at one moment. `held`, `lost`: zones with a held push, or a lost one."""

    zones: int
    backlog: tuple[Backlog, ...]
    pauses: Mapping[str, Pause]
    held: int
    held_since: float | None  # the oldest of them
    lost: int
    lost_newest: LostPush | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A pin: the zone serves `version` until released; `waiting_version` is the newest that came meanwhile."""

    name: ZoneName
    version: int
    actor: str
    address: str
    reason: str
    at: float
    waiting_version: int | None
    pushed_at: float = 0.0  # epoch seconds of the last accepted push, waiting or not


@dataclass(frozen=True, slots=True, kw_only=True)
class PastVersion:
    """A version in a zone's history. `pusher`: who sent it, not necessarily the owner."""

    version: int
    kind: Kind
    serial: int
    pushed_serial: int
    records: int
    pusher: Owner
    address: str
    source: Source
    change_id: str
    at: float
    stated: str = ""  # its version id, hex
    warnings: tuple[ZoneWarning, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The condition of an open store. `free_bytes`: how much it can grow; `reserve_bytes`: disk space that it must leave free.

    `commits` and `writes`, which share them: since it was opened; `waiting`: writes that wait for the disk.
    """

    engine: str  # what keeps it, and its version
    size_bytes: int
    free_bytes: int
    reserve_bytes: int
    commits: int
    writes: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """The contents of a backup, counted."""

    zones: int
    changes: int
    size_bytes: int
    schema: int
