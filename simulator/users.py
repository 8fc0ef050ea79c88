"""What users do, drawn from the seed: they apply, edit and delete through the API's own service, at any moment, and
some write straight into the store.

They keep no record: the checker reads the store's history, where every change of theirs is told as theirs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from functools import partial
from random import Random
from typing import Protocol

import msgspec
from msgspec.structs import replace

from controlplane.admission import Wanted
from controlplane.api.http.problem import ApiError
from simulator.allowed import drawn_namespace, said, silent, stated
from simulator.dependents import drawn_dependencies
from simulator.drawn_beside import accompanied, template_accompanied
from simulator.drawn_drains import template_with_budget, tolerating, with_budget
from simulator.drawn_services import MOST, drawn_change, drawn_service, drawn_settings, with_moving_tag
from simulator.driver import Crash
from simulator.effects import Request
from simulator.hooks import template_with_hooks, with_hooks
from simulator.jobs import MOST as MOST_TASKS
from simulator.jobs import drawn_cron, drawn_job
from simulator.mounts import VALUES, drawn_value, with_files
from simulator.plane import PlaneProcess
from simulator.published import drawn_mischief, reachable
from simulator.settings import Settings
from simulator.specs import ZONES, contended, drawn_spec, labels_of
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import (
    AnyObject,
    Job,
    Metadata,
    Namespace,
    NamespaceSpec,
    NodeSpec,
    Quota,
    Service,
    Taint,
    Task,
    TaskSpec,
    encode,
)
from taskyard.store.api import StoreError


class World(Protocol):
    """What users reach of the cluster."""

    def planes(self) -> Sequence[PlaneProcess]:
        """Those that can be asked now."""
        ...

    def nodes(self) -> Sequence[str]: ...

    def by_hand(self, key: str, value: bytes | None) -> None:
        """As etcdctl puts it there, or deletes it."""
        ...

    def note(self, text: str) -> None: ...

    def crashed(self, plane: PlaneProcess) -> None:
        """It was killed while it answered."""
        ...


class Users:
    def __init__(self, drawn: Callable[[str], Random], settings: Settings, world: World) -> None:
        """`settings`: with nothing left open."""
        self.contends = settings.contention
        self._beside = settings.beside
        self._hooks = settings.hooks
        self._published = settings.published
        self._limited = settings.limited
        self._drains = settings.drains
        self._pushes = settings.pushes
        self._drawn = drawn
        self._times = drawn("request times")
        self._only = settings.only_requests
        self.asked = 0
        """How many requests have had their turn, other than in a rush."""
        self.tasks = [f"t{number:03d}" for number in range(settings.tasks)]
        self.services = [f"s{number}" for number in range(settings.services or 0)]
        self.jobs = [f"j{number}" for number in range(settings.jobs or 0)]
        self.crons = [f"c{number}" for number in range(settings.crons or 0)]
        self.values = [*VALUES] if settings.files else []
        self._names = self.tasks + self.services + self.jobs + self.crons + self.values
        self._made = {*self.services, *self.jobs, *self.crons, *self.values}
        """Those that are no tasks."""
        self._recent: deque[str] = deque(maxlen=3)
        """Whose tasks are likely to be in the middle of something."""
        self._world = world

    def rush_services(self, random: Random) -> None:
        """A request about each service at once."""
        for name in self.services:
            self._ask(random, name)

    def rush_jobs(self, random: Random) -> None:
        for name in self.jobs:
            self._ask(random, name)

    def rush(self, random: Random) -> None:
        """Several requests at once, most of them about what was asked for last."""
        for _ in range(4):
            recent = bool(self._recent) and random.random() < 0.7
            self._ask(random, random.choice(self._recent if recent else self._names))

    def crowd(self, random: Random) -> None:
        """More at once than there is room for, of tasks that may not be there."""
        for name in random.sample(self._names, k=min(len(self._names), 8)):
            self._ask(random, name, fresh=True)

    def act(self) -> float:
        """One request; seconds until the next. Everybody applies at first, and edits later."""
        number, self.asked = self.asked, self.asked + 1
        fresh = number < len(self._names)
        if self._only is None or number in self._only:
            random = self._drawn(f"requests/{number}")
            self._ask(random, self._names[number] if fresh else random.choice(self._names), fresh=fresh)
        return self._times.expovariate(10.0 if fresh else len(self._names) / 60.0)

    def _ask(self, random: Random, name: str, *, fresh: bool = False) -> None:
        self._recent.append(name)
        if name not in self._made and not fresh and random.random() < 0.12:
            self._write_by_hand(random, name)
            return
        if self._published and name in self.services and not fresh and random.random() < 0.12:
            self._world.by_hand(*drawn_mischief(random, name))
            return
        planes = self._world.planes()
        if not planes:
            return
        plane = random.choice(planes)
        if self._limited and random.random() < (0.2 if fresh else 0.06):
            self._at(plane, lambda: self._limit(random, plane))
        if name in self.services:
            self._at(plane, lambda: self._ask_for_a_service(random, plane, name, fresh=fresh))
        elif name in self.crons:
            self._at(plane, lambda: self._ask_for_a_cron(random, plane, name, fresh=fresh))
        elif name in self.jobs:
            self._at(plane, lambda: self._ask_for_a_job(random, plane, name, fresh=fresh))
        elif name in self.values:
            self._at(plane, lambda: self._ask_for_a_value(random, plane, name, fresh=fresh))
        elif fresh:
            self.apply(random, plane, name)
        elif random.random() < 0.12:
            operate = self._bound if self.contends and random.random() < 0.5 else self._operate
            self._at(plane, lambda: operate(random, plane))
        else:
            self._at(plane, lambda: self._change(random, plane, name))

    def apply(self, random: Random, plane: PlaneProcess, name: str) -> None:
        wanted = self._drawn_task(random, name)
        self._at(plane, lambda: self._try(plane, f"apply {name}", lambda: plane.tasks.write(wanted)))

    def edit(self, random: Random, name: str, change: Callable[[TaskSpec], TaskSpec]) -> None:
        """Of what its author wrote of a task that is there, and nothing where it is not."""
        planes = self._world.planes()
        if not planes:
            return
        plane = random.choice(planes)

        def ask() -> None:
            try:
                found = plane.tasks.get(name, "default")
            except (ApiError, StoreError):
                return
            written = stated(found.spec, found.metadata.defaulted)
            task = _task(name, said(change(written)), dict(found.metadata.labels))
            self._try(plane, f"edit {name}", lambda: plane.tasks.write(task))

        self._at(plane, ask)

    def delete(self, random: Random, name: str) -> None:
        if planes := self._world.planes():
            plane = random.choice(planes)
            self._at(plane, lambda: self._try(plane, f"delete {name}", lambda: plane.tasks.delete(name, "default")))

    def absent(self, tasks: Collection[str]) -> list[str]:
        """Those that somebody may apply, without the keys in `tasks`."""
        return [name for name in self._names if name not in self._made and keys.task("default", name) not in tasks]

    def _at(self, plane: PlaneProcess, ask: Callable[[], None]) -> None:
        before, plane.store.who = plane.store.who, "user"
        try:
            ask()
        except Crash:
            plane.kill()
            self._world.crashed(plane)
        plane.store.who = before

    def _ask_for_a_service(self, random: Random, plane: PlaneProcess, name: str, *, fresh: bool) -> None:
        what = 1.0 if fresh else random.random()
        if what < 0.15:
            self._try(plane, f"delete {name}", lambda: plane.services.delete(name, "default"))
        elif what < 0.5:
            rollout = plane.cache.rollouts.get(NamedKey("default", name))
            called, change = drawn_change(random, rollout.rollout.target if rollout is not None else 1)
            self._try(plane, f"{called} {name}", lambda: plane.services.patch(name, "default", change))
        elif what < 0.6:
            slot = f"{name}-{random.randrange(MOST)}"
            self._try(plane, f"delete {slot}", lambda: plane.tasks.delete(slot, "default"))
        elif what < 0.7:
            settings = drawn_settings(random)
            self._try(plane, "apply the settings", lambda: plane.configs.write(settings))
        else:
            service, settings = self._service(random, name), drawn_settings(random)
            if fresh:
                self._try(plane, "apply the settings", lambda: plane.configs.write(settings))
            self._try(plane, f"apply {name}", lambda: plane.services.write(service))

    def _ask_for_a_value(self, random: Random, plane: PlaneProcess, name: str, *, fresh: bool) -> None:
        value = drawn_value(random, name)
        objects = plane.configs if value.kind == "Config" else plane.secrets
        if not fresh and random.random() < 0.1:
            self._try(plane, f"delete {name}", lambda: objects.delete(name, "default"))
        else:
            self._try(plane, f"apply {name}", lambda: objects.write(value))

    def _ask_for_a_cron(self, random: Random, plane: PlaneProcess, name: str, *, fresh: bool) -> None:
        if not fresh and random.random() < 0.4:
            self._try(plane, f"delete {name}", lambda: plane.crons.delete(name, "default"))
            return
        cron = drawn_cron(random, name)
        self._try(plane, f"apply {name}", lambda: plane.crons.write(cron))

    def _ask_for_a_job(self, random: Random, plane: PlaneProcess, name: str, *, fresh: bool) -> None:
        """What has finished is deleted and applied anew, so that there is something to do."""
        what = 1.0 if fresh else random.random()
        if what < 0.25:
            self._try(plane, f"delete {name}", lambda: plane.jobs.delete(name, "default"))
        elif what < 0.5:
            suspend, parallelism = random.random() < 0.4, random.randint(1, MOST_TASKS)
            change = partial(_paced, suspend, parallelism)
            self._try(plane, f"pace {name}", lambda: plane.jobs.patch(name, "default", change))
        elif what < 0.6:
            task = f"{name}-{random.randrange(MOST_TASKS)}"
            self._try(plane, f"delete {task}", lambda: plane.tasks.delete(task, "default"))
        else:
            job = self._job(random, name)
            self._try(plane, f"apply {name}", lambda: plane.jobs.write(job))

    def _change(self, random: Random, plane: PlaneProcess, name: str) -> None:
        what = random.random()
        if what < 0.35:
            grace = random.choice((None, None, 0.0, 1.0))
            self._try(plane, f"delete {name}", lambda: plane.tasks.delete(name, "default", grace_period=grace))
        elif what < 0.41:
            to = random.choice(sorted(plane.cache.nodes) or ["nowhere"])
            self._try(plane, f"move {name} to {to}", lambda: plane.rebalance.move(name, "default", to))
        elif what < 0.47:
            label = str(random.randrange(100))
            try:
                found = plane.tasks.get(name, "default")
            except (ApiError, StoreError):
                return
            labels = {**(labels_of(name) if self.contends or self._drains else {}), "l": label}
            self._try(plane, f"label {name}", lambda: plane.tasks.write(_task(name, found.spec, labels)))
        elif what < 0.5:
            plane.store.who = "dry run"
            wanted = [Wanted(self._drawn_task(random, name))]
            self._try(plane, f"try out {name}", lambda: plane.tasks.writer.apply_many(wanted, dry_run=True))
        else:
            task = self._drawn_task(random, name)
            self._try(plane, f"apply {name}", lambda: plane.tasks.write(task))

    def _drawn_task(self, random: Random, name: str) -> Task:
        spec = drawn_spec(random, name)
        if self._limited:
            spec = silent(random, spec)
        if self._beside:
            spec = accompanied(random, spec)
        if self.values:
            spec = with_files(random, spec)
        if self._hooks:
            spec = with_hooks(random, spec)
        if not self.contends:
            # Gangs and their dependencies would wait for each other without end.
            spec = replace(spec, depends_on=drawn_dependencies(random, name, self.services, self.jobs))
        if self._drains:
            spec = tolerating(random, spec)
        if self.contends:
            return _task(name, said(contended(random, name, spec)), labels_of(name))
        return _task(name, with_budget(random, spec), labels_of(name)) if self._drains else _task(name, spec)

    def _service(self, random: Random, name: str) -> Service:
        service = drawn_service(random, name)
        service = reachable(random, service) if self._published else service
        service = template_accompanied(random, service) if self._beside else service
        service = with_moving_tag(random, service) if self._pushes else service
        service = template_with_budget(service) if self._drains else service
        return template_with_hooks(random, service) if self._hooks else service

    def _job(self, random: Random, name: str) -> Job:
        job = drawn_job(random, name)
        return template_accompanied(random, job) if self._beside else job

    def _bound(self, random: Random, plane: PlaneProcess) -> None:
        """Somebody gives the namespace of all tasks another quota."""
        nodes, tasks = len(self._world.nodes()), len(self._names)
        quota = random.choice((Quota(), Quota(tasks=tasks * 2 // 3), Quota(cpu=str(nodes * 2)), Quota(memory="3Gi")))
        value = Namespace(metadata=Metadata(name="default"), spec=NamespaceSpec(quota=quota))
        self._try(plane, "set the quota", lambda: plane.namespaces.write(value))

    def _limit(self, random: Random, plane: PlaneProcess) -> None:
        value = drawn_namespace(random)
        self._try(plane, "set limits and defaults", lambda: plane.namespaces.write(value))

    def _operate(self, random: Random, plane: PlaneProcess) -> None:
        """An operator says something else of a node."""
        node, what = random.choice(self._world.nodes()), random.random()
        zone = random.choice(ZONES)
        taint = Taint(key="kept", effect=random.choice(("NoSchedule", "PreferNoSchedule", "NoExecute")))

        def change(before: NodeSpec | None) -> NodeSpec:
            spec = before or NodeSpec(metadata=Metadata(name=node))
            if what < 0.5:
                return msgspec.structs.replace(spec, labels={"zone": zone})
            if what < 0.7:
                return msgspec.structs.replace(spec, taints=[] if spec.taints else [taint])
            return msgspec.structs.replace(spec, cordoned=not spec.cordoned)

        self._try(plane, f"operate on {node}", lambda: plane.nodes.change(node, change))

    def _write_by_hand(self, random: Random, name: str) -> None:
        key, spec, what = keys.task("default", name), drawn_spec(random, name), random.random()
        if what < 0.1:
            self._world.by_hand(key, None)
        elif what < 0.7:
            # As a person writes it: a name and a spec, and nothing that is the server's.
            self._world.by_hand(key, encode(_task(name, spec)))
        else:
            other = encode(_task(f"{name}-else", spec))
            self._world.by_hand(key, random.choice((b"{", b'{"kind":"Task"}', b"\xff", other)))

    def _try(self, plane: PlaneProcess, what: str, ask: Callable[[], object]) -> None:
        request = plane.store.request = Request()
        try:
            ask()
        except ApiError as error:
            self._world.note(f"user: {what}: {error.problem.type.rpartition(':')[2]}")
        except StoreError as error:
            self._world.note(f"user: {what}: {type(error).__name__}")
        else:
            request.answered = True
            self._world.note(f"user: {what}")


def _paced(suspend: bool, parallelism: int, value: AnyObject) -> AnyObject:
    assert isinstance(value, Job)
    return replace(value, spec=replace(value.spec, suspend=suspend, parallelism=parallelism))


def _task(name: str, spec: TaskSpec, labels: dict[str, str] | None = None) -> Task:
    return Task(metadata=Metadata(name=name, labels=labels or {}), spec=spec)
