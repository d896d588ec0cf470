"""Computes the figures of the service and its backends from the store and the lanes, and the state of each backend."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from directdnsonly.advice import NO_ADDRESS
from directdnsonly.dispatch.breaker import BreakerState
from directdnsonly.dispatch.telling import LaneStatus
from directdnsonly.nameservers.contract import DaemonPhase, DaemonStatus
from directdnsonly.operate.figures import BackendFigures, ServiceFigures
from directdnsonly.operate.running import Running
from directdnsonly.outbox.deliveries import Backlog, Placement
from directdnsonly.outbox.kept import Figures
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.operators import Pause
from directdnsonly.readiness import BackendFacts
from directdnsonly.wording import counted


def service_figures(parts: Running, figures: Figures) -> ServiceFigures:
    """The figures of the service now; their size does not depend on the number of zones."""
    return ServiceFigures(
        started_at=parts.started_at,
        zones=figures.zones,
        pushes=dict(parts.pushes_so_far()),
        held=figures.held,
        lost=lost_count(parts, figures),
        lost_newest=next(iter(reversed(parts.lost.waiting())), figures.lost_newest),
        alarms=parts.alarm_texts(),
        store=parts.store.upkeep.condition(),
        backends=backends_of(parts, figures),
        configuration=parts.configuration(),
        peers=parts.peers(),
    )


def backends_of(parts: Running, figures: Figures) -> list[BackendFigures]:
    """The figures of the enabled backends."""
    now = parts.clock.now_s()
    return [
        _backend(
            one,
            parts.lanes[one.backend].status(),
            parts.daemon(one.backend),
            figures.pauses.get(one.backend),
            now,
        )
        for one in figures.backlog
        if one.backend in parts.lanes  # a reload may have taken it out since they were read
    ]


def backend_facts(parts: Running, figures: Figures | None) -> list[BackendFacts]:
    """The facts about each backend that `judge` needs."""
    dead = {one.backend: one.dead for one in figures.backlog} if figures else {}
    here_only = parts.heard_here_only()
    found = []
    for name, lane in parts.statuses().items():
        pause = figures.pauses.get(name) if figures else None
        down, since = _why_down(lane, parts.daemon(name))
        found.append(
            BackendFacts(
                name=name,
                down=down,
                down_since=since,
                is_paused=bool(lane.paused),
                paused_by=pause.actor if pause else "",
                paused_reason=pause.reason if pause else "",
                paused_at=pause.at if pause else None,
                dead=dead.get(name, 0),
                heard_here_only=here_only.get(name, ""),
            )
        )
    return found


def lost_count(parts: Running, figures: Figures | None) -> int:
    """How many zones' newest push was lost: those in the store, and those that wait until it can take them."""
    return len(parts.lost.waiting()) + parts.lost.nameless + (figures.lost if figures else 0)


async def removed_of(parts: Running) -> list[BackendFigures]:
    """Backends that are no longer configured although the store keeps deliveries for them, with their number."""
    return [
        BackendFigures(
            name=name,
            state="removed",
            breaker="",
            since=parts.started_at,
            reason=why_removed(name, deliveries),
        )
        for name, deliveries in (await parts.store.operators.removed_backends(parts.configured)).items()
    ]


def why_removed(name: str, deliveries: int) -> str:
    """What it means that a backend was removed, and what to do."""
    rows = counted(deliveries, "delivery is", "deliveries are")
    return (
        f"not configured any more; {rows} kept, and with them the tombstones of what is deleted: if it is gone for good,"
        f" dadns backends forget {name}"
    )


def shown_state(placement: Placement, unasked: Collection[str]) -> State | Literal["stored"]:
    """The state of one zone on one backend; `stored` if it is there but nobody can be asked for proof."""
    is_stored = placement.state is State.VERIFIED and placement.backend in unasked
    return "stored" if is_stored else placement.state


def backend_state(lane: LaneStatus, daemon: DaemonStatus | None) -> str:
    """The state of a backend; `down` while nothing can be delivered, whatever the cause."""
    if _why_down(lane, daemon)[0]:
        return "down"
    return "paused" if lane.paused else "ok"


def _why_down(lane: LaneStatus, daemon: DaemonStatus | None) -> tuple[str, float | None]:
    """Why nothing can be delivered, and since when; empty if it can."""
    gone = daemon if daemon is not None and daemon.phase is not DaemonPhase.RUNNING else None
    if lane.breaker is not BreakerState.CLOSED:
        return lane.reason or (gone.reason if gone else "") or "it does not answer", lane.since
    return (gone.reason or f"its name server is {gone.phase}", gone.since) if gone else ("", None)


def _backend(
    backlog: Backlog, lane: LaneStatus, daemon: DaemonStatus | None, pause: Pause | None, now: float
) -> BackendFigures:
    state = backend_state(lane, daemon)
    reason, since = _why_down(lane, daemon)
    if state == "ok" and backlog.dead:
        state = "degraded"
        reason = (
            f"{counted(backlog.dead, 'zone was', 'zones were')} given up: look with dadns outbox --dead, then revive"
        )
    elif state == "ok" and backlog.pending + backlog.leased:
        state = "busy"
    if state == "paused" and pause is not None:
        reason, since = pause.reason, pause.at
    if not lane.proves and state in ("ok", "busy"):
        reason = NO_ADDRESS
    return BackendFigures(
        name=backlog.backend,
        state=state,
        paused=lane.paused,
        pause=pause,
        breaker=str(lane.breaker),
        since=since or lane.since,
        reason=reason,
        pending=backlog.pending,
        leased=backlog.leased,
        dead=backlog.dead,
        oldest_s=None if backlog.oldest_wanted_at is None else round(max(now - backlog.oldest_wanted_at, 0.0), 3),
        zones_proven=backlog.proven if lane.proves else 0,
        proven=lane.proven,
        failed=lane.failed,
        median_proven_ms=None if lane.median_proven_s is None else round(lane.median_proven_s * 1e3, 2),
        sweeping=lane.sweeping,
        batch_zones=lane.batch_zones,
        nameserver=daemon,
    )
