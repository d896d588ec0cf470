"""The figures of the service and its backends, as shown by the API, the pages and the metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from directdnsonly.nameservers.contract import DaemonStatus
from directdnsonly.operate.configuration import Standing
from directdnsonly.outbox.kept import Condition, LostPush
from directdnsonly.outbox.operators import Pause
from directdnsonly.peers.standing import PeerStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendFigures:
    """The figures of one backend; `api.models` describes each. Times are epoch seconds."""

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
    """The figures of the whole service at one moment; their size does not depend on the number of zones."""

    started_at: float
    zones: int
    pushes: Mapping[str, int]
    held: int
    lost: int
    lost_newest: LostPush | None
    alarms: Sequence[str]
    store: Condition
    backends: Sequence[BackendFigures]
    configuration: Standing = field(default_factory=Standing)
    peers: Sequence[PeerStatus] = ()
