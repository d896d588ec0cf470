"""What the pages are made from: the same checks and figures as the API's."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from directdnsonly.clock import Clock
from directdnsonly.operate.explain import Explainer
from directdnsonly.operate.looking import Readiness
from directdnsonly.outbox.store.approval import Approval
from directdnsonly.outbox.store.looking import Looking
from directdnsonly.reconcile.reconciler import Reconciler


@dataclass(frozen=True, slots=True, kw_only=True)
class WebParts:
    """The parts of the service that the pages read."""

    looking: Looking
    approval: Approval
    readiness: Readiness
    explainer: Explainer  # asks the name servers, as slow as they are
    reconciler: Reconciler
    clock: Clock
    timezone: ZoneInfo  # in which moments are shown
