"""The numbers of /metrics: requests are counted as they end, the cluster is counted when somebody asks.

A registry of its own, so that nothing of the libraries' or of other tests slips in.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from controlplane.api.etcd_contact import EtcdContact
from controlplane.api.objects.tasks_service import TaskService
from controlplane.scheduler.metrics import BOUNDS, SchedulerMetrics
from taskyard.objects import TaskState

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Sources:
    """What is counted when somebody asks. `leading`: role → whether this process leads it."""

    tasks: TaskService
    contact: EtcdContact
    leading: Callable[[], Mapping[str, bool]] = dict
    scheduler: SchedulerMetrics | None = None
    streams: Mapping[str, Callable[[], int]] = field(default_factory=dict)


class ApiMetrics:
    def __init__(self, sources: Sources) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "taskyard_api_requests", "Requests answered.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "taskyard_api_request_seconds",
            "From the head of the request to the head of the answer.",
            ["method", "route"],
            registry=self._registry,
            buckets=_BUCKETS,
        )
        self._registry.register(_Cluster(sources))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self._registry)


class _Cluster(Collector):
    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry would else collect once when this is registered, before anything runs."""
        return []

    def collect(self) -> Iterable[Metric]:
        sources, cache = self._sources, self._sources.tasks.cache
        losses = sources.tasks.losses.now
        with cache.lock:
            states = self._states()
            ready = sum(1 for node in cache.nodes.values() if node.able)
            count, revision = len(cache.nodes), cache.revision
            quarantined = len(cache.quarantined)
        tasks = GaugeMetricFamily("taskyard_tasks", "Tasks by state.", labels=["state"])
        for state in TaskState:
            tasks.add_metric([state], states[state])
        yield tasks
        yield GaugeMetricFamily("taskyard_nodes", "Nodes that are known.", value=count)
        yield GaugeMetricFamily("taskyard_nodes_ready", "Nodes that can run what is placed there.", value=ready)
        held = len(losses.held)
        yield GaugeMetricFamily("taskyard_nodes_lost", "Nodes whose lease is gone.", value=len(losses.lost))
        yield GaugeMetricFamily(
            "taskyard_mass_loss_nodes", "Lost nodes whose tasks stay since too many vanished together.", value=held
        )
        yield GaugeMetricFamily("taskyard_quarantined_values", "Values in etcd that are not usable.", value=quarantined)
        yield GaugeMetricFamily(
            "taskyard_cache_revision", "The etcd revision that the cache has reached.", value=revision
        )
        lag = max(sources.contact.revision - revision, 0)
        yield GaugeMetricFamily("taskyard_cache_lag_revisions", "Revisions that etcd was ahead when asked.", value=lag)
        silent = sources.contact.silent_for()
        if silent is not None:
            yield GaugeMetricFamily("taskyard_etcd_silent_seconds", "Since etcd last answered a probe.", value=silent)
        leader = GaugeMetricFamily("taskyard_leader", "1 for each role that this process leads.", labels=["role"])
        for role, leads in sources.leading().items():
            leader.add_metric([role], float(leads))
        yield leader
        streams = GaugeMetricFamily("taskyard_api_streams", "Watches and logs that are open.", labels=["kind"])
        for kind, number in sources.streams.items():
            streams.add_metric([kind], number())
        yield streams
        if sources.scheduler is not None:
            yield from _scheduler(sources.scheduler)

    def _states(self) -> Tally[TaskState]:
        feed = self._sources.tasks.feed
        if self._sources.tasks.cache.informer.synced:
            feed.begin()
        return Tally(task.status.state for task in feed.shown.values())


def _scheduler(metrics: SchedulerMetrics) -> Iterable[Metric]:
    for name, help_text, value in (
        ("decisions", "Tasks looked at for a node.", metrics.decisions),
        ("bound", "Bindings written.", metrics.bound),
        ("moved", "Bindings written because a task's node was lost.", metrics.moved),
        ("conflicts", "Bindings that were stale when they reached etcd.", metrics.conflicts),
        ("refused", "Bindings that etcd will not take.", metrics.refused),
    ):
        yield CounterMetricFamily(f"taskyard_scheduler_{name}", help_text, value=value)
    yield GaugeMetricFamily("taskyard_scheduler_pending", "Tasks that wait for a binding.", value=metrics.pending)
    latency, buckets, total = metrics.bind_latency, [], 0
    for bound, number in zip((*map(str, BOUNDS), "+Inf"), latency.counts, strict=True):
        total += number
        buckets.append((bound, float(total)))
    histogram = HistogramMetricFamily("taskyard_scheduler_bind_seconds", "From seen to bound.")
    histogram.add_metric([], buckets, latency.sum)
    yield histogram
