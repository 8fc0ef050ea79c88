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
from pathlib import Path

from controlplane.admission.writer import random_uid
from controlplane.api.guard import is_loopback
from controlplane.cluster import ClusterCache
from controlplane.crons import CronController
from controlplane.evictions import EvictionController
from controlplane.folder import ManifestsFolder
from controlplane.folder.folder import role as folder_role
from controlplane.garbage import GarbageCollector, Keep
from controlplane.intake import Intake
from controlplane.jobs import JobController
from controlplane.maintenance import MaintenanceController
from controlplane.nodeloss import NodeLosses
from controlplane.ownership import OwnershipController
from controlplane.past import HistoryKeeper, Retention
from controlplane.publishing import Formats, Publisher
from controlplane.relocation import RelocationController
from controlplane.returning import ReturnController
from controlplane.scheduler import Scheduler
from controlplane.services import ServiceController
from controlplane.tasks import TaskController
from controlplane.volumes import VolumeController
from taskyard import collector, keys
from taskyard.clock import SystemClock
from taskyard.config import Settings
from taskyard.events import EventRecorder
from taskyard.listening import listen
from taskyard.store.api import Store
from taskyard.store.elector import Elector
from taskyard.store.etcd import EtcdStore
from taskyard.store.informer import Informer

_log = logging.getLogger(__name__)

_JOIN = 6.0
"""Seconds that a thread gets to end: the longest that one call to etcd takes, and a little."""
_FLUSH_EVERY = 0.5
_LEADER_TTL = 5.0
"""Seconds after a leader died until another can lead; an etcd that elects a leader itself takes up to 2.6 of them."""
_ELECTION_TIMEOUT = 1.5
"""Seconds for one call of an election: a renewal that hangs must leave time for another before the term is over."""
Duty = Callable[[threading.Event], None]


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
        # Leadership is given up, and the cache left behind, only once nothing acts on them any more.
        ending, leading_ending = threading.Event(), threading.Event()
        api = _ApiProcess(self) if "api" in self._settings.roles else None
        duties = {**self._duties, **(api.duties if api else {}), "events": self._flush_events}
        loops = _threads(duties, ending)
        electors = _threads({f"elect-{role}": each.run for role, each in self._electors.items()}, leading_ending)
        informer = _threads({"informer": self._informer.run}, leading_ending)
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
            _end(loops)
            leading_ending.set()
            _end([*electors, *informer])
            for recorder in self._recorders:
                recorder.flush()
            self._election_store.close()
            self._store.close()

    def _add_scheduler(self) -> Scheduler:
        elector = self._elector("scheduler")
        events = self._recorder("scheduler")
        scheduler = Scheduler(self._store, self._cache, self._clock, elector.fence, events, self._losses)
        self._duties["scheduler"] = scheduler.run
        self._wake.append(scheduler.queue.shut_down)
        return scheduler

    def _add_controllers(self) -> None:
        fence = self._elector("controllers").fence
        tasks = TaskController(self._store, self._cache, self._clock, fence)
        intake = Intake(self._store, self._cache, self._clock, fence, self._recorder("intake"), random_uid)
        ownership = OwnershipController(self._store, self._cache, self._clock, fence)
        services = ServiceController(
            self._store, self._cache, self._clock, fence, self._recorder("services"), self._losses, random_uid
        )
        evictions = EvictionController(self._store, self._cache, self._clock, fence, self._recorder("evictions"))
        self._duties["evictions"] = evictions.run
        self._wake.append(evictions.queue.shut_down)
        maintenance = MaintenanceController(self._store, self._cache, self._clock, fence, self._recorder("maintenance"))
        self._duties["maintenance"] = maintenance.run
        self._wake.append(maintenance.queue.shut_down)
        volumes = VolumeController(self._store, self._cache, self._clock, fence, random_uid)
        jobs = JobController(
            self._store, self._cache, self._clock, fence, self._recorder("jobs"), self._losses, random_uid
        )
        relocation = RelocationController(self._store, self._cache, self._clock, fence, self._recorder("relocation"))
        crons = CronController(self._store, self._cache, self._clock, fence, self._recorder("crons"), random_uid)
        self._duties |= {"services": services.run, "volumes": volumes.run, "jobs": jobs.run, "crons": crons.run}
        self._wake += [services.queue.shut_down, volumes.queue.shut_down, jobs.queue.shut_down, crons.queue.shut_down]
        returning = ReturnController(self._store, self._cache, self._clock, fence, self._recorder("returning"))
        self._duties["returning"] = returning.run
        self._wake.append(returning.queue.shut_down)
        self._duties["relocation"] = relocation.run
        self._wake.append(relocation.queue.shut_down)
        keep = Keep(self._settings.ttl_after_finish, self._settings.keep_finished)
        garbage = GarbageCollector(self._store, self._cache, self._clock, fence, self._recorder("garbage"), keep)
        self._duties["garbage"] = garbage.run
        self._wake.append(garbage.queue.shut_down)
        history = HistoryKeeper(
            self._store,
            self._clock,
            fence,
            Retention(self._settings.history, self._settings.history_size),
            lambda: self._etcd.status().in_use,
        )
        self._duties["history"] = history.run
        self._duties |= {"tasks": tasks.run, "ownership": ownership.run, "intake": intake.run}
        self._wake += [tasks.queue.shut_down, ownership.queue.shut_down, intake.queue.shut_down]
        formats = Formats(self._settings.publish_dns, self._settings.publish_traefik)
        if formats.prefixes:
            publisher = Publisher(self._store, self._cache, self._clock, fence, formats)
            self._duties["publisher"] = publisher.run
            self._wake.append(publisher.queue.shut_down)
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

    def _elector(self, role: str) -> Elector:
        self._electors[role] = Elector(self._election_store, self._clock, role, self._identity, ttl=_LEADER_TTL)
        return self._electors[role]

    def _recorder(self, component: str) -> EventRecorder:
        self._recorders.append(EventRecorder(self._store, self._clock, component))
        return self._recorders[-1]

    def _flush_events(self, stop: threading.Event) -> None:
        while not stop.wait(_FLUSH_EVERY):
            for recorder in self._recorders:
                recorder.flush()


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


def _threads(duties: dict[str, Duty], stop: threading.Event) -> list[threading.Thread]:
    return [threading.Thread(target=duty, args=(stop,), name=name, daemon=True) for name, duty in duties.items()]


def _end(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(_JOIN)
        if thread.is_alive():
            _log.warning("the thread %s did not end in %.0f s; leaving without it", thread.name, _JOIN)
