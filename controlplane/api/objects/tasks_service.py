"""Tasks without HTTP, joined with what is observed of them: why they wait, what a lost node means, their other IDs.

Blocking, for worker threads, and for a simulation; what all kinds have in common is objects_service.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import ClassVar

from controlplane.admission import ObjectWriter
from controlplane.api.http.freshness import Freshness
from controlplane.api.http.problem import ApiError, not_found
from controlplane.api.objects.objects_service import METADATA_FIELDS, Fields, ServiceOf
from controlplane.api.shown.objects import ShownTask, show_lost, show_metadata, show_task, show_waiting
from controlplane.cluster import (
    CacheChange,
    ChangeKind,
    ClusterCache,
    Demand,
    EffectiveStatus,
    TaskRecord,
    Waiting,
    view,
)
from controlplane.nodeloss import NodeLosses
from controlplane.placement import PendingReasons
from taskyard.clock import Clock, timestamp
from taskyard.keys import NamedKey
from taskyard.objects import AnyObject, Task, TaskState

_EXPLAINED_FOR = 1.0
"""Seconds that an explanation may be old in a watch: while many tasks are placed, each moment has another."""
_QUESTIONS = 1000
"""Explanations that one watch keeps."""


class TaskService(ServiceOf[ShownTask]):
    fields: ClassVar[Fields] = {
        **METADATA_FIELDS,
        "spec.image": (),
        "status.state": tuple(TaskState),
        "status.node": (),
        "status.reason": (),
        "status.health": ("", "starting", "healthy", "unhealthy"),
    }

    def __init__(
        self,
        cache: ClusterCache,
        writer: ObjectWriter,
        freshness: Freshness,
        why: PendingReasons,
        clock: Clock,
        losses: NodeLosses,
    ) -> None:
        super().__init__("Task", cache, writer, freshness)
        self.why = why
        self.clock = clock
        self.losses = losses

    def known(self) -> Iterable[NamedKey]:
        return self.cache.tasks

    def show(self, key: NamedKey) -> ShownTask | None:
        record = self.cache.tasks.get(key)
        return show_task(self.cache, record) if record else None

    def show_whole(self, key: NamedKey) -> ShownTask | None:
        record = self.cache.tasks.get(key)
        return self._with_outlook(show_task(self.cache, record, self.why), record) if record else None

    def show_written(self, value: AnyObject, revision: int) -> ShownTask:
        assert isinstance(value, Task)
        record = self.cache.tasks.get(NamedKey(value.metadata.namespace, value.metadata.name))
        status = view(self.cache, record) if record else EffectiveStatus(state=TaskState.PENDING)
        metadata = show_metadata(value.metadata, revision)
        return ShownTask(kind="Task", metadata=metadata, spec=value.spec, status=status)

    def kinds(self) -> Collection[ChangeKind]:
        return ("task", "node", "assignment", "status", "result", "move")

    def touched(self, change: CacheChange) -> Iterable[NamedKey]:
        if change.task is not None:
            return (change.task,)
        return [record.key for record in self.cache.bound_to(change.node)] if change.kind == "node" else ()

    def values(self, shown: ShownTask) -> dict[str, str]:
        return {
            **super().values(shown),
            "spec.image": shown.spec.image,
            "status.state": shown.status.state,
            "status.node": shown.status.node,
            "status.reason": shown.status.reason,
            "status.health": shown.status.health,
        }

    def locate(self, ident: str, namespace: str) -> NamedKey | None:
        """By name in the namespace, else by uid in any, else by the ID that the client gave it, in the namespace.

        Raises ApiError (409) when several were given that ID. Under the cache's lock.
        """
        record = self.cache.tasks.get(NamedKey(namespace, ident)) or self.cache.by_uid(ident)
        if record is not None:
            return record.key
        called = self.cache.by_client_id(ident, namespace)
        if len(called) > 1:
            names = ", ".join(each.key.name for each in called)
            raise ApiError(409, "Ambiguous", f"several tasks were given the ID {ident!r}: {names}; use one's name")
        return called[0].key if called else None

    def find(self, ident: str, namespace: str) -> TaskRecord:
        """As `locate`. Raises ApiError: 404, and 409. Under the cache's lock."""
        key = self.locate(ident, namespace)
        if key is None:
            raise self.absent(ident, namespace)
        return self.cache.tasks[key]

    def absent(self, ident: str, namespace: str) -> ApiError:
        return not_found(f"task {ident!r} in namespace {namespace}, by name, uid or ID", self.near(ident, namespace))

    def explainer(self) -> Callable[[NamedKey, ShownTask], ShownTask]:
        """With why each waits, if it does; for equal specs that ask for the same it is worked out once."""
        reasons: dict[tuple[Demand, str], Waiting] = {}

        def explained(key: NamedKey, task: ShownTask) -> ShownTask:
            record = self.cache.tasks[key]
            if record.task.binding is not None:
                settled = record.task.binding.spec_hash == record.spec_hash
                return self._with_outlook(task if settled else show_task(self.cache, record, self.why), record)
            question = record.demand, record.spec_hash
            if question not in reasons:
                reasons[question] = self.why(record)
            return show_waiting(task, reasons[question])

        return explained

    def encoder(self) -> Callable[[ShownTask], ShownTask]:
        """Adds to a task that waits why it does, as of now."""
        known: dict[tuple[Demand, str], tuple[float, Waiting]] = {}

        def explained(task: ShownTask) -> ShownTask:
            record = self.cache.tasks.get(NamedKey(task.metadata.namespace, task.metadata.name))
            if task.status.state is not TaskState.PENDING or record is None:
                return task
            now, question = self.clock.monotonic(), (record.demand, record.spec_hash)
            if question not in known or now - known[question][0] > _EXPLAINED_FOR:
                if len(known) > _QUESTIONS:
                    known.clear()
                known[question] = (now, self.why(record))
            return show_waiting(task, known[question][1])

        return explained

    def _with_outlook(self, task: ShownTask, record: TaskRecord) -> ShownTask:
        """Of one whose node is lost: when it is placed again, or why not."""
        found = self.losses.outlook(record) if task.status.state is TaskState.LOST else None
        if found is None:
            return task
        return show_lost(task, found, timestamp(self.losses.wall_time(found.due)) if found.due is not None else "")
