"""create_app: the routes, put together from their parts. Starts nothing; server.py serves it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import falcon.asgi

from controlplane.api.containers.consoles import TaskConsole
from controlplane.api.containers.files import TaskFiles
from controlplane.api.containers.history import NodeHistory, TaskStats
from controlplane.api.containers.inspect import TaskInspect
from controlplane.api.containers.logs import TaskLogs
from controlplane.api.edge import Application, Passage, outermost
from controlplane.api.etcd_contact import EtcdContact
from controlplane.api.http import errors
from controlplane.api.http.freshness import CacheFreshness, Freshness
from controlplane.api.http.streams import Streams
from controlplane.api.http.workers import Workers
from controlplane.api.metrics import ApiMetrics, Sources
from controlplane.api.objects import bodies
from controlplane.api.objects.apply import Apply
from controlplane.api.objects.deletions import Deletions
from controlplane.api.objects.dispatch import JobDispatch
from controlplane.api.objects.endpoints import AllEndpoints, EndpointsService, ServiceEndpoints
from controlplane.api.objects.nodes import NodeCollection, NodeItem
from controlplane.api.objects.nodes_service import NodeService
from controlplane.api.objects.objects_service import ServiceOf
from controlplane.api.objects.readers import readers_over
from controlplane.api.objects.revisions import ServiceRevisions
from controlplane.api.objects.routes import ObjectCollection, ObjectItem, Reader
from controlplane.api.past import Differences, HistoryOf, Undo
from controlplane.api.past_service import PastService
from controlplane.api.placement.plans import PlanApply, Plans
from controlplane.api.placement.plans_service import PlanService
from controlplane.api.placement.rebalance import Rebalance, TaskMove
from controlplane.api.placement.rebalance_service import RebalanceService
from controlplane.api.placement.replay import Replay
from controlplane.api.placement.why import NodeWhy, TaskWhy
from controlplane.api.placement.why_service import WhyService
from controlplane.api.stats import Stats
from controlplane.api.system import Healthy, MetricsOf, Ready, VersionOf
from controlplane.api.watching.events import Events
from controlplane.api.watching.feeds import EventFeed
from controlplane.cluster import ClusterCache
from controlplane.nodeloss import NodeLosses
from controlplane.scheduler import SchedulerMetrics
from taskyard.clock import Clock
from taskyard.store.api import Store

MAX_WATCHES = 1000
MAX_LOGS = 256
MAX_CONSOLES = 256


@dataclass(frozen=True, slots=True)
class ApiParts:
    """What the API is made of. `freshness` None: another thread pumps the cache's informer."""

    store: Store
    cache: ClusterCache
    clock: Clock
    contact: EtcdContact
    losses: NodeLosses
    freshness: Freshness | None = None
    allowed_hosts: Collection[str] = ()
    leading: Callable[[], Mapping[str, bool]] = dict
    scheduler: SchedulerMetrics | None = None
    access_log: bool = False


class Api:
    """The ASGI application, and what has to be closed with it. Create it before the informer's first list."""

    def __init__(self, parts: ApiParts) -> None:
        store, cache, clock = parts.store, parts.cache, parts.clock
        freshness = parts.freshness or CacheFreshness(store, cache.informer)
        readers = readers_over(cache, store, clock, freshness, parts.losses)
        writer, self.tasks, self.services, self.nodes = readers.writer, readers.tasks, readers.kinds, readers.nodes
        self.endpoints = EndpointsService(cache, writer, freshness)
        self.past = PastService(cache, self.services, store, clock)
        self.workers = Workers(parts.contact.failed)
        self.apply = Apply(writer, self.services, self.nodes, self.workers)
        self.deletions = Deletions(writer, self.services, self.workers)
        self.plans = PlanService(cache, self.apply, writer, store, clock)
        self.rebalance = RebalanceService(cache, self.tasks, store, clock)
        self.why = WhyService(cache, self.tasks, store, clock)
        self.events = EventFeed(cache.informer)
        self.watches = Streams("watches", MAX_WATCHES)
        self.logs = Streams("logs", MAX_LOGS)
        self.consoles = Streams("conversations with containers", MAX_CONSOLES)
        sources = Sources(
            self.tasks,
            parts.contact,
            parts.leading,
            parts.scheduler,
            {
                "watch": lambda: len(self.watches),
                "log": lambda: len(self.logs),
                "console": lambda: len(self.consoles),
            },
        )
        self.metrics = ApiMetrics(sources)
        self._parts = parts
        self._freshness = freshness

    def application(self) -> Application:
        parts, workers = self._parts, self.workers
        passage = Passage(
            parts.cache,
            parts.contact,
            self.metrics,
            parts.clock,
            parts.allowed_hosts,
            access_log=parts.access_log,
        )
        app = falcon.asgi.App(middleware=[passage])
        app.req_options.strip_url_path_trailing_slash = True
        errors.install(app)
        for kind, service in self.services.items():
            read: Reader = bodies.task_of if kind == "Task" else bodies.reader_of(kind)
            then = partial(self._kind_at, kind)
            app.add_route(f"/{service.names.plural}", ObjectCollection(service, read, workers, self.watches, then))
            app.add_route(f"/{service.names.plural}/{{ident}}", ObjectItem(service, read, workers, then))
            history = HistoryOf(self.past, kind, workers)
            app.add_route(f"/{service.names.plural}/{{ident}}/history", history)
            app.add_route(f"/{service.names.plural}/{{ident}}/undo", Undo(self.past, kind, workers))
        app.add_route("/jobs/{ident}/dispatch", JobDispatch(self.services["Job"], workers))
        app.add_route("/services/{ident}/revisions", ServiceRevisions(self.services["Service"], workers))
        app.add_route("/services/{ident}/endpoints", ServiceEndpoints(self.endpoints, workers, self.watches))
        every = ObjectCollection(self.endpoints, bodies.reader_of("Service"), workers, self.watches, None)
        app.add_route("/endpoints", AllEndpoints(every))
        app.add_route("/tasks/{ident}/logs", TaskLogs(self.tasks, workers, self.logs))
        app.add_route("/tasks/{ident}/why", TaskWhy(self.why, workers))
        app.add_route("/tasks/{ident}/move", TaskMove(self.rebalance, workers))
        app.add_route("/rebalance", Rebalance(self.rebalance, workers))
        app.add_route("/apply", self.apply)
        app.add_route("/delete", self.deletions)
        app.add_route("/plan", Plans(self.plans, workers))
        app.add_route("/plan/apply", PlanApply(self.plans, workers))
        app.add_route("/tasks/{ident}/files", TaskFiles(self.tasks, workers, self.consoles))
        app.add_route("/tasks/{ident}/stats", TaskStats(self.tasks, workers))
        app.add_route("/nodes/{name}/stats", NodeHistory(parts.cache, workers))
        app.add_route("/tasks/{ident}/inspect", TaskInspect(self.tasks, workers))
        for name in ("exec", "attach", "port"):
            console = TaskConsole(self.tasks, workers, self.consoles, name)
            app.add_route(f"/tasks/{{ident}}/{name}", console)
        app.add_route("/nodes", NodeCollection(self.nodes, workers, self.watches, self._nodes_at))
        app.add_route("/nodes/{name}", NodeItem(self.nodes, workers, self._nodes_at))
        app.add_route("/nodes/{name}/history", HistoryOf(self.past, "Node", workers))
        app.add_route("/differences", Differences(self.past, workers))
        app.add_route("/nodes/{name}/why", NodeWhy(self.why, workers))
        app.add_route("/replay", Replay(parts.store, parts.cache, parts.clock, workers))
        app.add_route("/events", Events(parts.cache, self.events, self._freshness, workers, self.watches))
        app.add_route("/stats", Stats(parts.cache, workers))
        app.add_route("/healthz", Healthy())
        app.add_route("/readyz", Ready(parts.cache, parts.contact))
        app.add_route("/version", VersionOf())
        app.add_route("/metrics", MetricsOf(self.metrics.text, workers))
        return outermost(app)

    def _kind_at(self, kind: str, at: str) -> ServiceOf[Any]:
        return self.past.at(at).kinds[kind]

    def _nodes_at(self, at: str) -> NodeService:
        return self.past.at(at).nodes

    def close_streams(self) -> None:
        """Ends all that would go on for ever; in the event loop's thread."""
        for streams in (self.watches, self.logs, self.consoles):
            streams.close()

    def close(self) -> None:
        self.workers.close()
