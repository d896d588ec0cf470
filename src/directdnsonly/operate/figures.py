"""The service and its backends as values: what the API, the pages and the metrics show of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from directdnsonly.nameservers.contract import DaemonStatus
from directdnsonly.outbox.kept import Condition, LostPush
from directdnsonly.outbox.operators import Pause


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendFigures:
    """One backend. `api.models` says to its readers what each is; moments are epoch seconds."""

    name: str
    state: str
    breaker: str
    since: float
    reason: str
    paused: str = ""
    pause: Pause | None = None
    pending: int = 0
    leased: int = 0
    dead: int = 0
    oldest_s: float | None = None
    zones_proven: int = 0
    proven: int = 0
    failed: int = 0
    median_proven_ms: float | None = None
    sweeping: bool = False
    batch_zones: int = 0
    nameserver: DaemonStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFigures:
    """The whole service at one moment; nothing in it grows with the number of zones."""

    started_at: float
    zones: int
    pushes: Mapping[str, int]
    held: int
    lost: int
    lost_newest: LostPush | None
    alarms: Sequence[str]
    store: Condition
    backends: Sequence[BackendFigures]
