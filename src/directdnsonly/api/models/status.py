"""Models of the JSON API: the service, its backends and its store."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from directdnsonly import __version__
from directdnsonly.advice import Stop
from directdnsonly.api.models.configuration import ConfigurationView
from directdnsonly.api.models.pushes import LostView
from directdnsonly.nameservers.contract import DaemonPhase, DaemonStatus, Origin
from directdnsonly.operate.figures import BackendFigures, ServiceFigures
from directdnsonly.operate.nameservers import configuration_of
from directdnsonly.outbox.kept import Condition
from directdnsonly.outbox.operators import Pause
from directdnsonly.readiness import Reason, ReasonKind, ServiceState, Verdict
from directdnsonly.shapes import Moment


class NameServerStatus(BaseModel):
    """A bundled name server, and its process; what is of the process is null while there is none."""

    state: DaemonPhase = Field(description="starting, running, restarting or stopped", examples=["running"])
    since: Moment = Field(description="Since when it is in this state")
    reason: str = Field(description="Why it is not running; empty when it is")
    restarts: int = Field(description="How often it ended by itself, or hung, since our start")
    pid: int | None = Field(None, examples=[4711])
    up_since: Moment | None = Field(
        None, description="When its process began, by the kernel; may be long before our start"
    )
    version: str = Field(
        "", description="What the program called its version when it was started", examples=["9.18.49"]
    )
    origin: Origin | None = Field(
        None,
        description="started: by this life of the service; adopted: by an earlier one, and it has served all the while",
    )
    configuration: Literal["current", "stale"] | None = Field(
        None, description="stale: it runs with another configuration or program than a start would give it now"
    )

    @classmethod
    def of(cls, daemon: DaemonStatus, **more: Any) -> Self:
        """The view of what its supervisor sees."""
        process = daemon.process
        return cls(
            state=daemon.phase,
            since=daemon.since,
            reason=daemon.reason,
            restarts=daemon.restarts,
            pid=process.pid if process else None,
            up_since=process.up_since if process else None,
            version=process.version if process else "",
            origin=process.origin if process else None,
            configuration=configuration_of(daemon),
            **more,
        )


class NameServerView(NameServerStatus):
    """The same, with whose it is."""

    backend: str = Field(examples=["bind"])
    program: str = Field(description="named, nsd or knotd", examples=["named"])


class PauseView(BaseModel):
    """Who has stopped the work for a backend, when and why."""

    by: str = Field(examples=["anna"])
    at: Moment
    reason: str = Field(description="As given; may be empty", examples=["moving the machine"])

    @classmethod
    def of(cls, pause: Pause | Stop) -> PauseView:
        """The view of a record."""
        return cls(by=pause.actor, at=pause.at, reason=pause.reason)


class BackendStatus(BaseModel):
    """One backend as an operator needs it."""

    name: str
    state: str = Field(
        description="ok, busy, degraded, down or paused; removed: not configured any more", examples=["ok"]
    )
    paused: str = Field("", description="Who has stopped it and why, as a sentence; empty when it works")
    pause: PauseView | None = Field(None, description="The pause as fields; null if it is not paused")
    breaker: str
    since: Moment = Field(description="Since when it has been in this state; if paused, when it was paused")
    reason: str = Field(description="Why it is in this state; empty if it is ok or busy")
    pending: int
    leased: int
    dead: int
    oldest_s: float | None = Field(description="Age of the oldest outstanding delivery, in seconds")
    zones_proven: int = Field(0, description="Zones whose newest version it has proven, of all `zones`; from the store")
    proven: int = Field(description="Deliveries proven since the service started")
    failed: int = Field(description="Attempts that failed since the service started")
    median_proven_ms: float | None = Field(description="Median time from push to proof of the newest deliveries")
    sweeping: bool = Field(False, description="Whether it is being compared with the store now")
    batch_zones: int = Field(0, description="Deliveries made since the backend was last idle")
    nameserver: NameServerStatus | None

    @classmethod
    def of(cls, backend: BackendFigures) -> BackendStatus:
        """The view of one backend's figures."""
        return cls(
            name=backend.name,
            state=backend.state,
            paused=backend.paused,
            pause=PauseView.of(backend.pause) if backend.pause else None,
            breaker=backend.breaker,
            since=backend.since,
            reason=backend.reason,
            pending=backend.pending,
            leased=backend.leased,
            dead=backend.dead,
            oldest_s=backend.oldest_s,
            zones_proven=backend.zones_proven,
            proven=backend.proven,
            failed=backend.failed,
            median_proven_ms=backend.median_proven_ms,
            sweeping=backend.sweeping,
            batch_zones=backend.batch_zones,
            nameserver=NameServerStatus.of(backend.nameserver) if backend.nameserver else None,
        )


class StoreStatus(BaseModel):
    """The outbox."""

    size_bytes: int
    free_bytes: int = Field(
        0, description="How much the store can grow, limited by its disk and by outbox.max_store_mb"
    )
    reserve_bytes: int = Field(0, description="Free disk space below which pushes are refused (outbox.disk_reserve_mb)")
    engine: str = Field(description="The store's engine and its version", examples=["SQLite 3.46.1"])
    commits: int = Field(description="Transactions since the start")
    writes: int = Field(description="Writes in these transactions")
    waiting: int = Field(description="Writes that wait for a transaction")

    @classmethod
    def of(cls, store: Condition) -> StoreStatus:
        """The view of its figures."""
        return cls.model_validate(store, from_attributes=True)


class ReasonView(BaseModel):
    """One thing that is not as it should be."""

    kind: ReasonKind = Field(examples=["backend"])
    state: ServiceState = Field(description="The state that this reason causes", examples=["degraded"])
    subject: str = Field(description="The backend, actor or server that it is about; may be empty", examples=["bind"])
    what: str = Field(description="A sentence, with what to do", examples=["bind is down: connection refused"])
    since: Moment

    @classmethod
    def of(cls, reason: Reason) -> ReasonView:
        """The view of a reason that was judged."""
        return cls(
            kind=reason.kind, state=reason.state, subject=reason.subject, what=reason.what, since=reason.since or 0.0
        )


class StatusView(BaseModel):
    """The whole service."""

    version: str
    state: ServiceState = Field(
        description="ready; degraded: pushes are accepted and safe, but a person should look; unready: pushes are refused",
        examples=["ready"],
    )
    since: Moment = Field(description="Since when it has been in this state")
    headline: str = Field(description="The state in words, as the page's title", examples=["degraded: bind down"])
    reasons: list[ReasonView] = Field(description="Why it is not ready, the worst first; empty if it is")
    started_at: Moment
    zones: int = Field(description="Living zones")
    pushes: dict[str, int] = Field(
        {},
        description="Pushes and deletes since start, by outcome",
        examples=[{"accepted": 3, "refused": 1}],
    )
    held: int = Field(0, description="Pushes held for approval")
    lost: int = Field(0, description="Zones whose newest push could not be recorded: they must be pushed again")
    lost_newest: LostView | None = None
    alarms: list[str] = Field(description="What reconciliation found that a person must look at")
    store: StoreStatus
    backends: list[BackendStatus]
    configuration: ConfigurationView

    @classmethod
    def of(cls, verdict: Verdict, figures: ServiceFigures) -> StatusView:
        """The view of the service as it was judged, and of its figures."""
        newest = figures.lost_newest
        return cls(
            version=__version__,
            state=verdict.state,
            since=verdict.since,
            headline=verdict.headline,
            reasons=[ReasonView.of(one) for one in verdict.reasons],
            started_at=figures.started_at,
            zones=figures.zones,
            pushes=dict(figures.pushes),
            held=figures.held,
            lost=figures.lost,
            lost_newest=LostView.of(newest) if newest else None,
            alarms=list(figures.alarms),
            store=StoreStatus.of(figures.store),
            backends=[BackendStatus.of(one) for one in figures.backends],
            configuration=ConfigurationView.of(figures.configuration),
        )
