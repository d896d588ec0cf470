"""The priority of a push: `named_reload=yes` is urgent, a mass rewrite is not. Pure.

DirectAdmin pushes every zone, without a pause, when it rewrites them all (its `sleep` has no effect since 1.695).
Such a rewrite must not delay the one zone that somebody is waiting for.
"""

from __future__ import annotations

from collections import OrderedDict

from directdnsonly.outbox.changes import Priority


class PushRate:
    """A leaky bucket for each pushing server: it holds `burst` pushes and drains in `window_s` seconds."""

    def __init__(self, *, burst: int = 30, window_s: float = 10.0, remember: int = 1024) -> None:
        self._burst = burst
        self._leak_per_s = burst / window_s
        self._remember = remember
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def overflows(self, origin: tuple[str, str], now_s: float) -> bool:
        """Count one push of `origin` (credential, host name); whether it now pushes faster than a person would."""
        level, since_s = self._buckets.pop(origin, (0.0, now_s))
        level = max(0.0, level - max(0.0, now_s - since_s) * self._leak_per_s)
        over = level + 1 > self._burst
        # The brim is one above the burst: a rewrite that ends is an ordinary server again within a second.
        self._buckets[origin] = (min(level + 1, self._burst + 1.0), now_s)
        if len(self._buckets) > self._remember:
            self._buckets.popitem(last=False)
        return over


def priority_of(*, named_reload: bool, overflows: bool) -> Priority:
    """The delivery priority of a push; the store raises it if an `_acme-challenge` record changed."""
    if named_reload:
        return Priority.URGENT
    return Priority.BULK if overflows else Priority.INTERACTIVE
