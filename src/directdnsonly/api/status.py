"""The truth about the service: per backend, with the reason."""

from __future__ import annotations

import sqlite3

from directdnsonly import __version__
from directdnsonly.api.models import BackendStatus, NameServerStatus, StatusView, StoreStatus
from directdnsonly.api.parts import ApiParts, DaemonState, LaneStatusLike
from directdnsonly.outbox.records import Backlog
from directdnsonly.wording import counted


async def status_of(parts: ApiParts) -> StatusView:
    """A picture of now; a row and two indexes: nothing that grows with the number of zones."""
    lanes, daemons = parts.lanes(), parts.daemons()
    now = parts.clock.now_s()
    backends = [
        _backend(backlog, lanes[backlog.backend], daemons.get(backlog.backend), now)
        for backlog in await parts.store.backlog()
    ]
    commits = parts.store.commits
    alarms = parts.alarms()
    return StatusView(
        version=__version__,
        state="ok" if not alarms and all(backend.state in {"ok", "busy"} for backend in backends) else "degraded",
        started_at=parts.started_at,
        zones=await parts.store.count_zones(),
        pushes=dict(parts.pushes_so_far()),
        alarms=alarms,
        store=StoreStatus(
            size_bytes=parts.store.size_bytes(),
            sqlite=sqlite3.sqlite_version,
            commits=commits.commits,
            writes=commits.writes,
            waiting=commits.waiting,
        ),
        backends=backends,
    )


async def removed_of(parts: ApiParts) -> list[BackendStatus]:
    """Backends that are not configured any more, though the store keeps deliveries for them. Counts those."""
    return [
        BackendStatus(
            name=name,
            state="removed",
            paused="",
            breaker="",
            since=parts.started_at,
            reason=why_removed(name, deliveries),
            pending=0,
            leased=0,
            dead=0,
            oldest_s=None,
            proven=0,
            failed=0,
            median_proven_ms=None,
            nameserver=None,
        )
        for name, deliveries in (await parts.store.removed_backends(parts.configured)).items()
    ]


def why_removed(name: str, deliveries: int) -> str:
    """What it means, and what to do."""
    rows = counted(deliveries, "delivery is", "deliveries are")
    return (
        f"not configured any more; {rows} kept, and with them the tombstones of what is deleted: if it is gone for good,"
        f" dadns backends forget {name}"
    )


def backend_state(lane: LaneStatusLike, daemon: DaemonState | None) -> str:
    """`down` while nothing can be delivered, whoever is the cause."""
    if lane.breaker != "closed" or (daemon is not None and daemon.state != "running"):
        return "down"
    return "paused" if lane.paused else "ok"


def _backend(backlog: Backlog, lane: LaneStatusLike, daemon: DaemonState | None, now: float) -> BackendStatus:
    state = backend_state(lane, daemon)
    if state == "ok" and backlog.dead:
        state = "degraded"
    elif state == "ok" and backlog.pending + backlog.leased:
        state = "busy"
    reason = lane.reason or (daemon.reason if daemon and daemon.state != "running" else "")
    if state == "paused":
        reason = lane.paused
    if state == "degraded":
        reason = (
            f"{counted(backlog.dead, 'zone was', 'zones were')} given up: look with dadns outbox --dead, then revive"
        )
    return BackendStatus(
        name=backlog.backend,
        state=state,
        paused=lane.paused,
        breaker=str(lane.breaker),
        since=lane.since,
        reason=reason,
        pending=backlog.pending,
        leased=backlog.leased,
        dead=backlog.dead,
        oldest_s=None if backlog.oldest_wanted_at is None else round(max(now - backlog.oldest_wanted_at, 0.0), 3),
        proven=lane.proven,
        failed=lane.failed,
        median_proven_ms=None if lane.median_proven_s is None else round(lane.median_proven_s * 1e3, 2),
        sweeping=lane.sweeping,
        batch_zones=lane.batch_zones,
        nameserver=NameServerStatus(state=daemon.state, since=daemon.since, reason=daemon.reason) if daemon else None,
    )
