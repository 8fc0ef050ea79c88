"""What tasks wait for before their first node: that none is bound before it happened, and none waits once it has.

Judged by the store's history. A scheduler that hears late may go by what was so a moment ago. The checker tells what it
sees.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from controlplane.cluster.index import OneToMany
from simulator.available import NEWS
from simulator.changed import Changed
from simulator.jobs import Jobs
from simulator.mirror import Mirror
from simulator.services import Services
from simulator.story import Violation
from simulator.timeouts import TIMEOUTS
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Dependency, JobPhase, Task, TaskState, TaskStatus

_SETTLES = 10.0
"""Seconds within which a task goes on once all has happened."""
_RUNS = (TaskState.RUNNING, TaskState.STOPPING, TaskState.COMPLETED, TaskState.FAILED)


def drawn_dependencies(random: Random, name: str, services: list[str], jobs: list[str]) -> list[Dependency]:
    """Which tasks have some hangs on their name. Tasks wait for those before them, so there are no circles."""
    number = int(name[1:])
    if number % 6 != 2:
        return []
    before = f"t{random.randrange(number):03d}"
    healthy = Dependency(kind="Task", name=before)
    found = [random.choice((healthy, replace(healthy, condition="started"), replace(healthy, condition="completed")))]
    if services:
        ready = Dependency(kind="Service", name=random.choice(services))
        found += [ready, replace(ready, condition="started")]
    if jobs:
        found.append(Dependency(kind="Job", name=random.choice(jobs), condition="completed"))
    return [replace(random.choice(found), timeout=random.choice(TIMEOUTS))]


class _Awaited(NamedTuple):
    namespace: str
    dependency: Dependency


def _awaited_by(task: Task) -> list[_Awaited]:
    return [_Awaited(task.metadata.namespace, each) for each in task.spec.depends_on]


class Dependents:
    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs
        self._waiting: dict[str, Task] = {}
        """By key, those that never had a node."""
        self._known: dict[_Awaited, float] = {}
        """What anybody waited for, and since when."""
        self._by_task: dict[str, list[_Awaited]] = {}
        """Of these, what is awaited of a task, by its key."""
        self._of_many: list[_Awaited] = []
        """Of these, what is awaited of services and jobs, which any task may decide."""
        self._uids: dict[str, str] = {}
        """Of tasks, by key."""
        self._with_uid: OneToMany[str, str] = OneToMany()
        """The same the other way round: somebody may have copied a task by hand."""
        self._new: list[_Awaited] = []
        """To be known from this transaction on."""
        self._since: dict[_Awaited, float] = {}
        """What is so now, and since when."""
        self._until: dict[_Awaited, float] = {}
        """What was so, and until when."""
        self._freed: dict[str, float] = {}
        """uid → when it got its first node, of all that had waited."""
        self._ran: set[str] = set()
        """uids of tasks that ran."""

    def note_task(self, key: str, task: Task | None) -> None:
        self._waiting.pop(key, None)
        uid = task.metadata.uid if task is not None else ""
        self._with_uid.move(key, self._uids.pop(key, ""), uid)
        if task is None:
            return
        self._uids[key] = uid
        if task.spec.depends_on and task.binding is None:
            self._waiting[key] = task
            self._new += _awaited_by(task)

    def note_status(self, status: TaskStatus) -> None:
        if status.started_at:
            self._ran.add(status.uid)

    def check_bound(self, task: Task, mirror: Mirror, now: float) -> None:
        """For the first time."""
        for each in task.spec.depends_on:
            awaited = _Awaited(task.metadata.namespace, each)
            self._freed[task.metadata.uid] = now
            # Until this transaction it was so, or a moment ago, or with it.
            was = awaited in self._since or self._until.get(awaited, -math.inf) > now - NEWS
            if was or self._holds(awaited, mirror):
                continue
            if self._known.get(awaited, now) > now - NEWS and self._may_have_been(awaited, mirror):
                continue
            name, uid = task.metadata.name, task.metadata.uid
            raise Violation(f"{name} was bound before {each.label} was {each.awaited}", uid, each.name)

    def look(self, mirror: Mirror, now: float, changed: Changed) -> None:
        """After each transaction."""
        fresh = [awaited for awaited in self._new if awaited not in self._known]
        self._new.clear()
        for awaited in fresh:
            self._know(awaited, now)
        for awaited in [*fresh, *self._concerned_by(changed)]:
            self._look_at(awaited, mirror, now)

    def _know(self, awaited: _Awaited, now: float) -> None:
        if awaited in self._known:
            return
        self._known[awaited] = now
        if awaited.dependency.kind == "Task":
            key = keys.task(awaited.namespace, awaited.dependency.name)
            self._by_task.setdefault(key, []).append(awaited)
        else:
            self._of_many.append(awaited)

    def _concerned_by(self, changed: Changed) -> Iterable[_Awaited]:
        """All that may hold now, or no more, because of what has changed."""
        if not changed:
            return ()
        if changed.lives:
            return self._known
        tasks = changed.tasks.union(*map(self._with_uid.of, changed.uids))
        return [*self._of_many, *(awaited for key in tasks for awaited in self._by_task.get(key, ()))]

    def _look_at(self, awaited: _Awaited, mirror: Mirror, now: float) -> None:
        if self._holds(awaited, mirror):
            self._since.setdefault(awaited, now)
        elif self._since.pop(awaited, None) is not None:
            self._until[awaited] = now

    def restored(self, mirror: Mirror, now: float) -> None:
        """All is as the backup has it; a scheduler may go by what was so before."""
        self._until |= dict.fromkeys(self._since, now)
        self._since.clear()
        self._waiting.clear()
        self._uids.clear()
        self._with_uid = OneToMany()
        for key, task in mirror.tasks.items():
            self.note_task(key, task)
        self.look(mirror, now, Changed(lives=True))

    def holds_now(self, task: Task) -> bool:
        return all(awaited in self._since for awaited in _awaited_by(task))

    def _may_have_been(self, awaited: _Awaited, mirror: Mirror) -> bool:
        """In the moments before anybody waited for it."""
        namespace, wanted = awaited
        if wanted.kind == "Task":
            task = mirror.tasks.get(keys.task(namespace, wanted.name))
            return task is None or task.metadata.uid in self._ran
        found = self._services.now if wanted.kind == "Service" else self._jobs.now
        owner = found.get(ObjectKey(wanted.kind, namespace, wanted.name))
        if owner is None or wanted.kind == "Job":
            return owner is None
        return any(
            task.metadata.uid in self._ran
            for task in mirror.tasks.values()
            if task.metadata.owner is not None and task.metadata.owner.uid == owner.metadata.uid
        )

    def freed_since(self, then: float) -> set[str]:
        """uids of those that have begun since, when all else was quiet already."""
        return {uid for uid, at in self._freed.items() if at >= then}

    def held_back(self, task: Task, now: float) -> bool:
        """It still waits rightly, for at least one of them."""
        if task.binding is not None:
            return False
        return any(self._since.get(each, math.inf) > now - _SETTLES for each in _awaited_by(task))

    def _holds(self, awaited: _Awaited, mirror: Mirror) -> bool:
        namespace, wanted = awaited
        if wanted.kind == "Task":
            task = mirror.tasks.get(keys.task(namespace, wanted.name))
            return task is not None and self._task(task, wanted.awaited, mirror)
        if wanted.kind == "Service":
            return self._service(ObjectKey("Service", namespace, wanted.name), wanted.awaited, mirror)
        job = self._jobs.now.get(ObjectKey("Job", namespace, wanted.name))
        run = self._jobs.runs.get(keys.run(namespace, wanted.name))
        if job is None or run is None or run.job_uid != job.metadata.uid or job.metadata.deletion_timestamp:
            return False
        return run.phase is JobPhase.COMPLETE

    def _task(self, task: Task, awaited: str, mirror: Mirror) -> bool:
        binding, uid = task.binding, task.metadata.uid
        status = mirror.statuses.get(binding.node, {}).get(uid) if binding is not None else None
        if binding is None or status is None or status.epoch < binding.epoch or task.metadata.deletion_timestamp:
            return False
        held = mirror.assignments.get(binding.node, {}).get(uid)
        if held is not None and held.desired == "Stopped":
            # To make room, to move, or for a taint: until it has ended it has run, and then it waits for another node.
            # What it did on a node before does not count.
            return awaited == "started" and bool(status.started_at) and not (held.reason and status.state.terminal)
        there = binding.node in mirror.leases or status.state.terminal
        match awaited:
            case "started":
                return there and bool(status.started_at) and status.state in _RUNS
            case "healthy":
                well = status.state is TaskState.RUNNING and status.health in ("", "healthy")
                return there and (well or status.state is TaskState.COMPLETED)
            case _:
                return status.state is TaskState.COMPLETED and status.reason != "Stopped"

    def _service(self, key: ObjectKey, awaited: str, mirror: Mirror) -> bool:
        service = self._services.now.get(key)
        if service is None or service.metadata.deletion_timestamp:
            return False
        own = self._services.own(service, mirror.tasks)
        if awaited == "started":
            return any(self._task(task, "started", mirror) for task in own)
        return self._services.all_ready(service, own, mirror)
