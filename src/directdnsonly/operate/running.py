"""The running service as seen by this package."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from directdnsonly.accept.lost import LostPushes
from directdnsonly.clock import Clock
from directdnsonly.dispatch.lane import Lane
from directdnsonly.dispatch.telling import LaneStatus
from directdnsonly.nameservers.contract import DaemonStatus, NameServer
from directdnsonly.operate.configuration import Standing
from directdnsonly.outbox.store import Store
from directdnsonly.peers.standing import PeerStatus
from directdnsonly.reconcile.alarms import Alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The parts of the service. `daemons`: the bundled name servers, by backend. Callables may return another value each time."""

    store: Store
    clock: Clock
    started_at: float
    lanes: Mapping[str, Lane]
    lost: LostPushes
    daemons: Mapping[str, NameServer]
    alarms: Callable[[], list[Alarm]] = list  # what reconciliation found that a person must look at
    peers: Callable[[], list[PeerStatus]] = list
    configured: Collection[str] = frozenset()  # the backends of the configuration, also those that are not enabled
    certificate_ends_at: Callable[[], float | None] = lambda: None  # of our own door; None: it has none
    heard_here_only: Callable[[], Mapping[str, str]] = dict  # backend -> loopback address, see BackendFacts
    configuration: Callable[[], Standing] = Standing
    lost_actors: Callable[[], list[str]] = list  # that ended or hang, though none may
    pushes_so_far: Callable[[], Mapping[str, int]] = dict  # since start, by what became of them

    def statuses(self) -> dict[str, LaneStatus]:
        """The status of each backend's lane."""
        return {name: lane.status() for name, lane in self.lanes.items()}

    def daemon(self, backend: str) -> DaemonStatus | None:
        """The bundled name server of a backend; None if it is external.

        As its supervisor sees it, but for what only we know: its configuration is no longer current when a reload has
        left a change of it for a restart.
        """
        found = self.daemons.get(backend)
        if found is None or (process := found.status.process) is None or not self._waits(backend):
            return found.status if found is not None else None
        return replace(found.status, process=replace(process, is_current=False))

    def _waits(self, backend: str) -> bool:
        """Whether a change of its name server is only effective after a restart."""
        waiting = self.configuration().needs_restart
        return any(key == "data_dir" or key.startswith(f"dns.backends.{backend}.") for key in waiting)

    def alarm_texts(self) -> list[str]:
        """Each active alarm, as a sentence."""
        return [f"{one.kind} {one.subject}: {one.reason}" for one in self.alarms()]

    def unasked(self) -> frozenset[str]:
        """Backends without a known name server address: what they take is stored but never proven."""
        return frozenset(name for name, lane in self.lanes.items() if not lane.proves)
