"""/metrics for Prometheus. No label is a zone: the number of series does not grow with the number of zones.

Events are counted as they happen, with children made in advance (0.4 us each). Everything else is read at the scrape,
and the text is made in a thread: a thousand series take 13 ms.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final, Literal

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from directdnsonly import __version__
from directdnsonly.api.peer_metrics import peer_families
from directdnsonly.dispatch.breaker import BreakerState
from directdnsonly.nameservers.contract import DaemonPhase
from directdnsonly.operate.looking import Seen
from directdnsonly.operate.running import Running
from directdnsonly.outbox.changes import Became, Source
from directdnsonly.outbox.deliveries import Settle
from directdnsonly.readiness import ReasonKind, ServiceState, Verdict
from directdnsonly.shapes import failures

Look = Callable[[], Awaitable[Seen]]
RESULTS: Final = (*map(str, Became), "refused", "failed")
ACK_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
DELIVERY_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400)


class Metrics:
    """Implements PushRecorder, DeliveryRecorder and PassRecorder with a Prometheus registry of its own."""

    def __init__(self, backends: Sequence[str]) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        pushes = Counter(
            "directdnsonly_pushes",
            "Pushes and deletes by what became of them",
            ["source", "result"],
            registry=self.registry,
        )
        self._pushes = {
            (source, result): pushes.labels(str(source), result)
            for source in (Source.DIRECTADMIN, Source.API)
            for result in RESULTS
        }
        self._any_push = cache(pushes.labels)
        self._all_pushes = pushes
        self._ack = Histogram(
            "directdnsonly_ack_seconds",
            "From a push that was read until it was committed, or refused",
            buckets=ACK_BUCKETS,
            registry=self.registry,
        )
        self._refused = Counter("directdnsonly_refused", "Refused pushes by rule", ["rule"], registry=self.registry)
        self.failed_logins = Counter(
            "directdnsonly_failed_logins", "Wrong passwords and tokens", registry=self.registry
        )
        self._deliveries = _Deliveries(self.registry)
        for name in backends:
            self._deliveries.add(name)
        self._passes = Counter("directdnsonly_reconcile_passes", "Passes that ended", registry=self.registry)
        self._pass_at = Gauge(
            "directdnsonly_reconcile_last_pass_timestamp_seconds", "When the last pass ended; 0: none yet",
            registry=self.registry,
        )  # fmt: skip
        self._pass_s = Gauge("directdnsonly_reconcile_last_pass_seconds", "How long it took", registry=self.registry)
        self._found = Gauge(
            "directdnsonly_reconcile_found", "Zones that differed in the last pass", ["kind"], registry=self.registry
        )
        self._done = Counter(
            "directdnsonly_reconcile_zones", "Zones that passes did something about", ["action"], registry=self.registry
        )
        self._now = _Now()
        self.registry.register(self._now)

    def add_backend(self, name: str) -> None:
        """Count for this one, too. Of one that is taken out what was counted stays."""
        self._deliveries.add(name)

    # -- PushRecorder

    def answered(self, source: Source, result: str, seconds: float) -> None:
        """Count an answer. `result`: a value of Became, or "refused" or "failed"."""
        (self._pushes.get((source, result)) or self._any_push(str(source), result)).inc()
        self._ack.observe(seconds)

    def refused(self, rule: str) -> None:
        """Count a refusal by its rule; the rules are a short list of ours."""
        self._refused.labels(rule).inc()

    def pushes_so_far(self) -> dict[str, int]:
        """Pushes and deletes since start, by outcome, from all senders."""
        found = dict.fromkeys(RESULTS, 0)
        for metric in self._all_pushes.collect():
            for sample in metric.samples:
                if sample.name.endswith("_total"):
                    found[sample.labels["result"]] += int(sample.value)
        return found

    # -- DeliveryRecorder

    def attempted(self, backend: str, how: Settle | Literal["stored"]) -> None:
        """Count an attempt on one zone by its outcome; `stored`: delivered, but nobody can be asked for proof."""
        self._deliveries.attempts[backend, how].inc()

    def proven(self, backend: str, *, applied_s: float, proven_s: float) -> None:
        """Count a proven zone: seconds from the commit of its push until the backend applied it, and until the proof."""
        self._deliveries.applied[backend].observe(applied_s)
        self._deliveries.proven[backend].observe(proven_s)

    def batch(self, backend: str, *, zones: int, seconds: float) -> None:
        """Count the work of a lane that has worked off its queue."""
        self._deliveries.zones[backend].inc(zones)
        self._deliveries.busy[backend].inc(seconds)

    # -- PassRecorder

    def passed(self, *, ended_at: float, seconds: float, found: Mapping[str, int], done: Mapping[str, int]) -> None:
        """Count a pass: what differed by kind, and what was done by kind (nothing by a plan or a dry run).

        Kinds and actions are short lists of ours.
        """
        self._passes.inc()
        self._pass_at.set(ended_at)
        self._pass_s.set(seconds)
        for kind, count in found.items():
            self._found.labels(kind).set(count)
        for action, count in done.items():
            self._done.labels(action).inc(count)

    async def text(self, parts: Running, look: Look) -> bytes:
        """All metrics in the Prometheus text format."""
        families = [family async for family in _asked(parts, look)]
        return await asyncio.to_thread(self._generate, families)  # it takes longer than a push

    def _generate(self, families: list[Metric]) -> bytes:
        self._now.families = families
        return generate_latest(self.registry)


class _Deliveries:
    """What is counted of each backend."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def seconds(name: str, meaning: str) -> Histogram:
            return Histogram(name, meaning, ["backend"], buckets=DELIVERY_BUCKETS, registry=registry)

        self._attempts = Counter(
            "directdnsonly_attempts", "Attempts to deliver one zone, by how they ended", ["backend", "outcome"],
            registry=registry,
        )  # fmt: skip
        self._applied = seconds("directdnsonly_applied_seconds", "From the commit of a push until the backend took it")
        self._proven = seconds(
            "directdnsonly_proven_seconds", "From the commit of a push until its name server proved it"
        )
        self._zones = Counter("directdnsonly_batch_zones", "Zones that lanes worked on", ["backend"], registry=registry)
        self._busy = Counter(
            "directdnsonly_batch_seconds", "Seconds that lanes had work", ["backend"], registry=registry
        )
        self.attempts: dict[tuple[str, str], Counter] = {}
        self.applied: dict[str, Histogram] = {}
        self.proven: dict[str, Histogram] = {}
        self.zones: dict[str, Counter] = {}
        self.busy: dict[str, Counter] = {}

    def add(self, name: str) -> None:
        self.attempts |= {(name, how): self._attempts.labels(name, str(how)) for how in (*Settle, "stored")}
        self.applied[name] = self._applied.labels(name)
        self.proven[name] = self._proven.labels(name)
        self.zones[name] = self._zones.labels(name)
        self.busy[name] = self._busy.labels(name)


class _Now:
    """A collector of the values read for one scrape."""

    def __init__(self) -> None:
        self.families: list[Metric] = []

    def collect(self) -> Iterable[Metric]:
        """All families, as they are at the moment of the scrape (prometheus_client calls it)."""
        return self.families

    def describe(self) -> Iterable[Metric]:
        """No families in advance: prometheus_client then does not collect at registration."""
        return ()


async def _asked(parts: Running, look: Look) -> AsyncIterator[Metric]:
    seen = await look()
    for family in [*_judged(seen.verdict), *_service(parts), *peer_families(parts.peers())]:
        yield family
    if seen.status is None:
        return  # the store cannot be read: a gauge that is missing is better than one that is wrong
    for name_, (meaning, value) in {
        "directdnsonly_zones": ("Living zones", seen.status.zones),
        "directdnsonly_held_pushes": ("Pushes held for approval", seen.status.held),
        "directdnsonly_lost_pushes": (
            "Zones whose newest push could not be recorded, and must come again",
            seen.status.lost,
        ),
    }.items():
        yield GaugeMetricFamily(name_, meaning, value=value)
    lanes = parts.statuses()
    deliveries = GaugeMetricFamily(
        "directdnsonly_outbox_deliveries", "Deliveries outstanding", labels=["backend", "state"]
    )
    oldest = GaugeMetricFamily(
        "directdnsonly_outbox_oldest_seconds", "Age of the oldest of them; 0: none", labels=["backend"]
    )
    breaker = GaugeMetricFamily("directdnsonly_breaker_open", "1 while the backend is away", labels=["backend"])
    paused = GaugeMetricFamily("directdnsonly_backend_paused", "1 while an operator has stopped it", labels=["backend"])
    running = GaugeMetricFamily(
        "directdnsonly_nameserver_running",
        "1 while the process of the bundled name server runs; one that hangs runs until it is killed",
        labels=["backend"],
    )
    up_since = GaugeMetricFamily(
        "directdnsonly_nameserver_start_time_seconds",
        "When the process of the bundled name server began (epoch); before our own start it was adopted",
        labels=["backend"],
    )
    proven = GaugeMetricFamily(
        "directdnsonly_zones_proven",
        "Zones whose newest version it has proven, of directdnsonly_zones",
        labels=["backend"],
    )
    for backlog in seen.status.backends:
        name = [backlog.name]
        if (lane := lanes.get(backlog.name)) is None:
            continue  # a reload has just taken it out
        proven.add_metric(name, backlog.zones_proven)
        for state in ("pending", "leased", "dead"):
            deliveries.add_metric([*name, state], getattr(backlog, state))
        oldest.add_metric(name, backlog.oldest_s or 0.0)
        breaker.add_metric(name, float(lane.breaker is not BreakerState.CLOSED))
        paused.add_metric(name, float(bool(lane.paused)))
    for name_, daemon in parts.daemons.items():
        running.add_metric([name_], float(daemon.status.phase is DaemonPhase.RUNNING))
        if daemon.status.process is not None:
            up_since.add_metric([name_], daemon.status.process.up_since)
    for family in (deliveries, oldest, breaker, paused, running, up_since, proven):
        yield family


def _judged(verdict: Verdict) -> Iterator[Metric]:
    """What /readyz says. Kinds are a short list of ours."""
    yield GaugeMetricFamily(
        "directdnsonly_ready",
        "1 while pushes are accepted and safe (ready or degraded), 0 while they are refused",
        value=float(verdict.state is not ServiceState.UNREADY),
    )
    yield GaugeMetricFamily(
        "directdnsonly_degraded",
        "1 while a person should look (degraded or unready): directdnsonly_reasons tells at what",
        value=float(verdict.state is not ServiceState.READY),
    )
    reasons = GaugeMetricFamily(
        "directdnsonly_reasons", "What is not as it should be, by kind: dadns status names each", labels=["kind"]
    )
    for kind in ReasonKind:
        reasons.add_metric([kind], float(sum(one.kind is kind for one in verdict.reasons)))
    yield reasons


def _service(parts: Running) -> Iterator[Metric]:
    store = parts.store.upkeep.condition()
    info = InfoMetricFamily("directdnsonly_build", "What runs here")
    info.add_metric([], {"version": __version__, "python": platform.python_version(), "store": store.engine})
    yield info
    gauges = {
        "directdnsonly_start_time_seconds": ("When the service started, epoch seconds", parts.started_at),
        "directdnsonly_store_bytes": ("The store on disk", store.size_bytes),
        "directdnsonly_store_free_bytes": (
            "How much the store can grow, limited by its disk and by outbox.max_store_mb",
            store.free_bytes,
        ),
        "directdnsonly_store_reserve_bytes": (
            "Free disk space below which pushes are refused (outbox.disk_reserve_mb)",
            store.reserve_bytes,
        ),
        "directdnsonly_alarms": ("Alarms of the reconciler that stand now", len(parts.alarms())),
        "directdnsonly_lost_actors": (
            "Actors that have ended or hang: /readyz?verbose names them",
            len(parts.lost_actors()),
        ),
        "directdnsonly_config_last_reload_success": (
            "1 if the last reload of the configuration succeeded or there was none, 0 if it failed",
            float(parts.configuration().failed_at is None),
        ),
        "directdnsonly_config_last_reload_success_timestamp_seconds": (
            "When the configuration in force was read, epoch seconds",
            parts.configuration().loaded_at,
        ),
        "directdnsonly_config_needs_restart": (
            "Keys that differ in the configuration file and take effect only after a restart",
            len(parts.configuration().needs_restart),
        ),
        "directdnsonly_store_waiting": ("Writes that wait for the disk", store.waiting),
    }
    for name, (meaning, value) in gauges.items():
        yield GaugeMetricFamily(name, meaning, value=value)
    yield CounterMetricFamily("directdnsonly_store_commits", "Transactions", value=store.commits)
    yield CounterMetricFamily("directdnsonly_store_writes", "Writes in these transactions", value=store.writes)


def router(metrics: Metrics, parts: Running, look: Look) -> APIRouter:
    """The router of /metrics."""
    pages = APIRouter(tags=["service"])

    @pages.get(
        "/metrics",
        summary="For Prometheus",
        response_class=Response,
        responses=failures(503) | {200: {"content": {"text/plain": {}}}},
    )
    async def get_metrics() -> Response:
        return Response(await metrics.text(parts, look), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return pages
