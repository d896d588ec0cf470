"""What the API needs of the other stages, which it must not import: small Protocols, wired in `app`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fastapi import Request

from directdnsonly.advice import Orphan, Unclaimed
from directdnsonly.clock import Clock
from directdnsonly.door.bodies import Bodies
from directdnsonly.outbox.drift import Sighting
from directdnsonly.outbox.records import FREELY, Event, LostPush, Priority, Receipt, Terms, ZoneSummary
from directdnsonly.outbox.sqlite import SqliteStore
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.warn import ZoneWarning


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """An accepted push with the parser's warnings."""

    receipt: Receipt
    warnings: tuple[ZoneWarning, ...] = ()


class Pushes(Protocol):
    """The door of manual changes: the same line that DirectAdmin's pushes walk."""

    async def put(self, name: ZoneName, body: bytes, *, credential: str, address: str, terms: Terms = FREELY) -> Pushed:
        """Raises PushRefused, OutboxUnavailable, VersionConflict, KeyTaken."""
        ...

    async def delete(self, name: ZoneName, *, credential: str, address: str, terms: Terms = FREELY) -> Receipt:
        """Raises OutboxUnavailable, VersionConflict, KeyTaken."""
        ...

    async def roll_back(self, name: ZoneName, body: bytes, *, credential: str, address: str) -> Pushed:
        """As `put`, with the content of an old version."""
        ...

    async def unpin(self, name: ZoneName, *, credential: str, address: str) -> Receipt | None:
        """Release a pinned zone; None when it is not pinned. Raises OutboxUnavailable."""
        ...


class Audit(Protocol):
    """Keeps and logs who did what."""

    async def __call__(self, request: Request, event: str, *, zone: str = "", detail: str = "") -> None:
        """Never raises: what was done is done."""
        ...

    async def keep(self, event: Event) -> None:
        """Keep an event that was logged elsewhere."""
        ...


class LaneStatusLike(Protocol):
    """What a lane tells about itself."""

    @property
    def proves(self) -> bool:
        """False: no address of a name server is known, so nobody can be asked."""
        ...

    @property
    def breaker(self) -> str: ...  # noqa: D102
    @property
    def paused(self) -> str: ...  # noqa: D102
    @property
    def since(self) -> float: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102
    @property
    def proven(self) -> int: ...  # noqa: D102
    @property
    def failed(self) -> int: ...  # noqa: D102
    @property
    def median_proven_s(self) -> float | None: ...  # noqa: D102
    @property
    def sweeping(self) -> bool: ...  # noqa: D102
    @property
    def batch_zones(self) -> int: ...  # noqa: D102


class Lookout(Protocol):
    """What reconciliation has to say of one zone."""

    def orphan(self, zone: ZoneSummary, sighting: Sighting | None) -> Orphan | None:
        """The zone as one that is on its way to be deleted."""
        ...

    def unclaimed(self, zone: ZoneSummary) -> Unclaimed | None:
        """The zone as one that no configured server answers for."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonState:
    """A bundled name server as seen by its supervisor."""

    state: str
    since: float
    reason: str = ""


class LostLike(Protocol):
    """Pushes that could not be recorded, until the store takes their names."""

    @property
    def nameless(self) -> int: ...  # noqa: D102
    def waiting(self) -> Sequence[LostPush]:
        """Those that the store does not have yet, oldest first."""
        ...

    async def find(self, name: ZoneName) -> LostPush | None:
        """The newest push of this zone, when it was lost. Raises OutboxUnavailable."""
        ...

    async def newest(self, limit: int) -> list[LostPush]:
        """Those that nothing recorded since has made good, newest first. Raises OutboxUnavailable."""
        ...

    async def write(self) -> int:
        """Give them to the store; how many. Raises OutboxUnavailable."""
        ...

    async def forget(self, name: ZoneName | None) -> int:
        """A person has looked at it: of one zone, or all; how many. Raises OutboxUnavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts:
    """Everything that the API looks at."""

    store: SqliteStore
    pushes: Pushes
    lost: LostLike
    wake: Callable[[Priority], None]  # tells the lanes that there is work
    authenticate: Callable[[Request], str]  # the credential's name; raises HTTPException 401
    lanes: Callable[[], Mapping[str, LaneStatusLike]]
    daemons: Callable[[], Mapping[str, DaemonState]]
    alarms: Callable[[], list[str]] = list  # what reconciliation found that a person must look at
    configured: frozenset[str] = frozenset()  # the backends of the configuration, also those that are not enabled
    certificate_ends_at: Callable[[], float | None] = lambda: None  # of our own door; None: it has none
    heard_here_only: Mapping[str, str] = field(default_factory=dict)  # backend -> loopback address, see BackendFacts
    lost_actors: Callable[[], list[str]] = list  # that ended or hang, though none may
    pushes_so_far: Callable[[], Mapping[str, int]] = dict  # since start, by what became of them
    clock: Clock
    started_at: float
    max_body_bytes: int
    bodies: Bodies
    body_timeout_s: float = 20.0

    def unasked(self) -> frozenset[str]:
        """Backends of which no name server's address is known: what they take is stored, and never proven."""
        return frozenset(name for name, lane in self.lanes().items() if not lane.proves)
