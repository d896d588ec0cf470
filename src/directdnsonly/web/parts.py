"""What the pages need of the other stages, which they must not import: small Protocols, wired in `wiring`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from directdnsonly.clock import Clock
from directdnsonly.outbox.sqlite import SqliteStore
from directdnsonly.readiness import Verdict


class PauseLike(Protocol):
    """Who has stopped the work for a backend, when and why."""

    by: str
    at: float
    reason: str


class BackendLike(Protocol):
    """One backend as the status tells it; `api.models.BackendStatus` says what each is."""

    name: str
    state: str
    paused: str
    breaker: str
    since: float
    reason: str
    pending: int
    leased: int
    dead: int
    oldest_s: float | None
    zones_proven: int
    proven: int
    failed: int
    median_proven_ms: float | None
    sweeping: bool
    batch_zones: int

    @property
    def pause(self) -> PauseLike | None: ...  # noqa: D102

    @property
    def nameserver(self) -> object | None:
        """There when we start the name server ourselves."""
        ...


class StatusLike(Protocol):
    """The whole service as the status tells it."""

    version: str
    started_at: float
    zones: int
    pushes: dict[str, int]
    held: int
    lost: int

    @property
    def backends(self) -> Sequence[BackendLike]: ...  # noqa: D102


class SeenLike(Protocol):
    """The verdict, and the figures unless the store cannot be read."""

    @property
    def verdict(self) -> Verdict: ...  # noqa: D102
    @property
    def status(self) -> StatusLike | None: ...  # noqa: D102


class ExplainedLike(Protocol):
    """The verdict on one zone; `api.explain.ExplainView` says what each part is, and the page shows all of them."""

    asked: str
    zone: str
    within: bool
    headline: str

    @property
    def live(self) -> str: ...  # noqa: D102
    @property
    def about(self) -> object | None:
        """The zone; None when none of that name is known."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PassLine:
    """One pass of the reconciler. `found`: what differed, by kind; `done`: what the pass did about it."""

    ended_at: float
    elapsed_s: float
    dry_run: bool
    found: Mapping[str, int]
    done: Mapping[str, int]
    failures: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciling:
    """The reconciler at a glance. `running`: the stage of the pass that runs; empty when none does."""

    enabled: bool
    running: str = ""
    next_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebParts:
    """Everything that the pages look at."""

    store: SqliteStore
    look: Callable[[], Awaitable[SeenLike]]
    status: Callable[[], Awaitable[StatusLike]]  # at once; raises OutboxUnavailable
    explain: Callable[[str], Awaitable[ExplainedLike]]  # asks the name servers, as slow as they are
    reconciling: Callable[[], Reconciling]
    passes: Callable[[int], Awaitable[Sequence[PassLine]]]
    clock: Clock
    timezone: ZoneInfo  # in which moments are shown
