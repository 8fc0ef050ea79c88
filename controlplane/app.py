"""The composition root: puts the control plane together from its settings, runs its threads, takes it down again.

The only place in this package that starts threads or reads the machine's clock. Each thread has one duty and outlives
every failure of it.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from controlplane.admission.writer import random_uid
from controlplane.api.http.guard import is_loopback
from controlplane.cluster import ClusterCache
from controlplane.controllers import controllers
from controlplane.duties import Duty, end, flush_once_more, keep_flushing, threads_of
from controlplane.folder import ManifestsFolder
from controlplane.folder.folder import role as folder_role
from controlplane.garbage import Keep
from controlplane.leading import LeaderLoop, Means
from controlplane.nodeloss import NodeLosses
from controlplane.past import HistoryKeeper, Retention
from controlplane.publishing import Formats, Publisher
from controlplane.scheduler import Scheduler
from taskyard import collector, keys
from taskyard.clock import SystemClock
from taskyard.config import Settings
from taskyard.events import EventRecorder
from taskyard.listening import listen
from taskyard.store.api import Compare, Store
from taskyard.store.elector import Elector
from taskyard.store.etcd import EtcdStore
from taskyard.store.informer import Informer

_log = logging.getLogger(__name__)

_JOIN = 6.0
"""Seconds that all threads together get to end: the longest that one call to etcd takes, and a little."""
_LEADER_TTL = 5.0
"""Seconds after a leader died until another can lead; an etcd that elects a leader itself takes up to 2.6 of them."""
_ELECTION_TIMEOUT = 1.5
"""Seconds for one call of an election: a renewal that hangs must leave time for another before the term is over."""


class CannotRun(Exception):
    """The message says why, and what to do."""


class ControlPlane:
    """Inert until `run`. `access_log`: one line for each request. `failpoints`: docs/failpoints.md."""

    def __init__(self, settings: Settings, *, access_log: bool = False, failpoints: str = "") -> None:
        self._settings = settings
        self._clock = SystemClock()
        self._etcd = EtcdStore(settings.etcd)
        self._store: Store = self._etcd
        self._election_store: Store = EtcdStore(settings.etcd, timeout=_ELECTION_TIMEOUT)
        if failpoints:
            self._store, self._election_store = _with_failpoints(failpoints, self._store, self._election_store)
        self._informer = Informer(self._store, keys.ROOT, self._clock, loading=collector.spared)
        self._cache = ClusterCache(self._informer, settings.strategy)
        self._losses = NodeLosses(self._cache, self._clock)
        self._identity = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._recorders: list[EventRecorder] = []
        self._electors: dict[str, Elector] = {}
        self._duties: dict[str, Duty] = {}
        self._wake: list[Callable[[], None]] = []
        self._scheduler = self._add_scheduler() if "scheduler" in settings.roles else None
        if "controllers" in settings.roles:
            self._add_controllers()
        self._access_log = access_log

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. Raises CannotRun when the API cannot listen where it should."""
        collector.rarely()
        # Leadership is given up, and the cache left behind, only once nothing acts on them any more.
        ending, leading_ending = threading.Event(), threading.Event()
        api = _ApiProcess(self) if "api" in self._settings.roles else None
        duties = {**self._duties, **(api.duties if api else {})}
        duties["events"] = partial(keep_flushing, self._recorders)
        loops = threads_of(duties, ending)
        electors = threads_of({f"elect-{role}": each.run for role, each in self._electors.items()}, leading_ending)
        informer = threads_of({"informer": self._informer.run}, leading_ending)
        for thread in (*informer, *electors, *loops):
            thread.start()
        try:
            if api:
                api.server.start()
            _log.info(
                "%s runs %s on etcd %s", self._identity, ",".join(self._settings.roles), ",".join(self._settings.etcd)
            )
            stop.wait()
        finally:
            _log.info("shutting down")
            ending.set()
            for wake in self._wake:
                wake()
            if api:
                api.stop()
            end(loops, _JOIN)
            leading_ending.set()
            end([*electors, *informer], _JOIN)
            flush_once_more(self._recorders)
            self._election_store.close()
            self._store.close()
            _log.info("shut down")

    def _add_scheduler(self) -> Scheduler:
        scheduler = Scheduler(self._means("scheduler", self._elector("scheduler").fence))
        self._add("scheduler", scheduler)
        return scheduler

    def _add_controllers(self) -> None:
        fence = self._elector("controllers").fence
        keep = Keep(self._settings.ttl_after_finish, self._settings.keep_finished)
        for name, loop in controllers(lambda name: self._means(name, fence), keep).items():
            self._add(name, loop)
        formats = Formats(self._settings.publish_dns, self._settings.publish_traefik)
        if formats.prefixes:
            self._add("publisher", Publisher(self._means("publisher", fence), formats))
        history = HistoryKeeper(
            self._store,
            self._clock,
            fence,
            Retention(self._settings.history, self._settings.history_size),
            lambda: self._etcd.status().in_use,
        )
        self._duties["history"] = history.run
        if self._settings.manifests:
            path = Path(self._settings.manifests)
            folder = ManifestsFolder(
                path,
                store=self._store,
                cache=self._cache,
                clock=self._clock,
                events=self._recorder("folder"),
                fence=self._elector(folder_role(path)).fence,
            )
            self._duties["folder"] = folder.run

    def _add(self, name: str, loop: LeaderLoop[Any]) -> None:
        self._duties[name] = loop.run
        self._wake.append(loop.queue.shut_down)

    def _means(self, name: str, fence: Callable[[], Compare]) -> Means:
        events = self._recorder(name)
        return Means(self._store, self._cache, self._clock, fence, events, self._losses, new_uid=random_uid)

    def _elector(self, role: str) -> Elector:
        self._electors[role] = Elector(self._election_store, self._clock, role, self._identity, ttl=_LEADER_TTL)
        return self._electors[role]

    def _recorder(self, component: str) -> EventRecorder:
        self._recorders.append(EventRecorder(self._store, self._clock, component))
        return self._recorders[-1]


class _ApiProcess:
    """The API and its server; imported only here, so that a process without it does not carry it."""

    def __init__(self, plane: ControlPlane) -> None:
        from controlplane.api.application import Api, ApiParts
        from controlplane.api.etcd_contact import EtcdContact
        from controlplane.api.server import Server

        settings = plane._settings
        contact = EtcdContact(plane._store, plane._clock)
        self._api = Api(
            ApiParts(
                store=plane._store,
                cache=plane._cache,
                clock=plane._clock,
                contact=contact,
                losses=plane._losses,
                allowed_hosts=(settings.host, *settings.allowed_hosts),
                leading=lambda: {role: each.leadership is not None for role, each in plane._electors.items()},
                scheduler=plane._scheduler.metrics if plane._scheduler else None,
                access_log=plane._access_log,
            )
        )
        self.duties: dict[str, Duty] = {"contact": contact.run}
        try:
            bound = listen(settings.host, settings.port)
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            hint = "stop what listens there, or choose another with --port (0 picks a free one)"
            raise CannotRun(f"cannot listen on {where}: {os.strerror(error.errno or 0)}; {hint}") from error
        if not is_loopback(settings.host):
            _log.warning("there is no authentication yet: everybody who reaches %s controls the cluster", settings.host)
        shown = f"[{settings.host}]" if ":" in settings.host else settings.host
        _log.info("the API listens on http://%s:%d", shown, bound.getsockname()[1])
        self.server = Server(self._api.application(), bound, self._api.close_streams)

    def stop(self) -> None:
        self.server.stop()
        self._api.close()


def _with_failpoints(text: str, *stores: Store) -> tuple[Store, ...]:
    # Imported only here: without failpoints nothing of them is in the process.
    from taskyard.failpoints import BadFailpoints, Failpoints, names, parse
    from taskyard.store.pointed import PLANE_EFFECTS, PointedStore

    try:
        points = Failpoints(parse(text, names(PLANE_EFFECTS)))
    except BadFailpoints as error:
        raise CannotRun(str(error)) from error
    return tuple(PointedStore(store, points, PLANE_EFFECTS) for store in stores)
