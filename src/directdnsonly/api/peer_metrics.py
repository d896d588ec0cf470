"""What /metrics tells of peers, read at the scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from directdnsonly.peers.standing import PeerState, PeerStatus


def peer_families(statuses: Sequence[PeerStatus]) -> Iterator[Metric]:
    """By the last exchange with each; none without peers."""
    if not statuses:
        return
    gauges: dict[str, tuple[str, Callable[[PeerStatus], float]]] = {
        "directdnsonly_peer_reachable": (
            "1 while a peer can be asked",
            lambda one: float(one.state is not PeerState.UNREACHABLE),
        ),
        "directdnsonly_peer_differs": (
            "Zones that differ from a peer and of which a person has to take one version",
            lambda one: one.differs,
        ),
        "directdnsonly_peer_deletes_stopped": (
            "Zones that are deleted on a peer, more than may go at once, and stay until a person approves",
            lambda one: one.too_many,
        ),
        "directdnsonly_peer_behind": ("Zones that a peer has to take from us", lambda one: one.behind),
        "directdnsonly_peer_last_exchange_timestamp_seconds": (
            "When the last exchange with a peer ended well; 0: none yet",
            lambda one: one.exchanged_at or 0.0,
        ),
    }
    for name, (meaning, value) in gauges.items():
        family = GaugeMetricFamily(name, meaning, labels=["peer"])
        for one in statuses:
            family.add_metric([one.name], value(one))
        yield family
    taken = CounterMetricFamily("directdnsonly_peer_taken", "Zones that were taken from a peer", labels=["peer"])
    for one in statuses:
        taken.add_metric([one.name], one.taken)
    yield taken
