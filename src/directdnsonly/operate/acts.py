"""All acts of an operator, by what they are done to."""

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
from directdnsonly.operate.reconciling import Reconciling
from directdnsonly.operate.tokens import Tokens
from directdnsonly.operate.zones import Zones
from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.store import Store
from directdnsonly.reconcile.reconciler import Reconciler


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """What a router, or a page with buttons, is handed."""

    approvals: Approvals
    backends: Backends
    deliveries: Deliveries
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
    lanes: Mapping[str, Lane],
    wake: Callable[[Priority], None],
    tokens: TokenBook,
    configured: Collection[str],
    hostnames: Mapping[str, str],
) -> Acts:
    """All of them over one service. `configured`, `wake`, `hostnames`: see Backends, Deliveries, Zones."""
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
