"""The running service as this room looks at it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from directdnsonly.accept.lost import LostPushes
from directdnsonly.clock import Clock
from directdnsonly.dispatch.lane import Lane
from directdnsonly.dispatch.telling import LaneStatus
from directdnsonly.nameservers.contract import DaemonStatus, NameServer
from directdnsonly.outbox.store import Store
from directdnsonly.reconcile.alarms import Alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Its parts. `daemons`: the bundled name servers, by backend. Whatever is a call may be another thing the next time."""

    store: Store
    clock: Clock
    started_at: float
    lanes: Mapping[str, Lane]
    lost: LostPushes
    daemons: Mapping[str, NameServer]
    alarms: Callable[[], list[Alarm]] = list  # what reconciliation found that a person must look at
    configured: frozenset[str] = frozenset()  # the backends of the configuration, also those that are not enabled
    certificate_ends_at: Callable[[], float | None] = lambda: None  # of our own door; None: it has none
    heard_here_only: Mapping[str, str] = field(default_factory=dict)  # backend -> loopback address, see BackendFacts
    lost_actors: Callable[[], list[str]] = list  # that ended or hang, though none may
    pushes_so_far: Callable[[], Mapping[str, int]] = dict  # since start, by what became of them

    def statuses(self) -> dict[str, LaneStatus]:
        """What each lane says of itself, by backend."""
        return {name: lane.status() for name, lane in self.lanes.items()}

    def daemon(self, backend: str) -> DaemonStatus | None:
        """The bundled name server of a backend as its supervisor sees it; None where it is not ours."""
        found = self.daemons.get(backend)
        return found.status if found is not None else None

    def alarm_texts(self) -> list[str]:
        """Each alarm that stands, as a sentence."""
        return [f"{one.kind} {one.subject}: {one.reason}" for one in self.alarms()]

    def unasked(self) -> frozenset[str]:
        """Backends of which no name server's address is known: what they take is stored, and never proven."""
        return frozenset(name for name, lane in self.lanes.items() if not lane.proves)
