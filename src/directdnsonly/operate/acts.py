"""Every act of an operator, grouped by what it acts on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from directdnsonly.accept.acceptance import Acceptance
from directdnsonly.access.tokens import TokenBook
from directdnsonly.clock import Clock
from directdnsonly.dispatch.lane import Lane
from directdnsonly.operate.approvals import Approvals
from directdnsonly.operate.backends import Backends
from directdnsonly.operate.deliveries import Deliveries
from directdnsonly.operate.journal import Journal
from directdnsonly.operate.peers import Peers
from directdnsonly.operate.reconciling import Reconciling
from directdnsonly.operate.tokens import Tokens
from directdnsonly.operate.zones import Zones
from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.store import Store
from directdnsonly.peers.neighbours import Neighbours
from directdnsonly.reconcile.reconciler import Reconciler


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """The operator's acts, as passed to routers and pages."""

    approvals: Approvals
    backends: Backends
    deliveries: Deliveries
    peers: Peers
    reconciling: Reconciling
    tokens: Tokens
    zones: Zones


def acts_of(
    *,
    store: Store,
    clock: Clock,
    journal: Journal,
    acceptance: Acceptance,
    reconciler: Reconciler,
    neighbours: Neighbours,
    lanes: Mapping[str, Lane],
    wake: Callable[[Priority], None],
    tokens: TokenBook,
    configured: Collection[str],
    hostnames: Mapping[str, str],
) -> Acts:
    """The acts of one running service. `configured`, `wake`, `hostnames`: see Backends, Deliveries, Zones."""
    return Acts(
        approvals=Approvals(approval=store.approval, acceptance=acceptance, clock=clock, journal=journal),
        backends=Backends(operators=store.operators, clock=clock, journal=journal, lanes=lanes, configured=configured),
        deliveries=Deliveries(
            operators=store.operators,
            looking=store.looking,
            journal=journal,
            lanes=lanes,
            wake=wake,
            lost=acceptance.lost,
        ),
        peers=Peers(neighbours, journal),
        reconciling=Reconciling(
            reconciler=reconciler,
            drift=store.drift,
            looking=store.looking,
            acceptance=acceptance,
            clock=clock,
            journal=journal,
        ),
        tokens=Tokens(tokens, journal),
        zones=Zones(
            recording=store.recording,
            looking=store.looking,
            acceptance=acceptance,
            journal=journal,
            hostnames=hostnames,
        ),
    )
