"""Reading and writing tasks without HTTP: what the routes in tasks.py and apply.py do, for them and for a simulation.

Blocking, for worker threads. Everything raises ApiError where the answer is no, StoreUnavailable and OutcomeUnknown
where etcd is away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from controlplane.admission import Applied, Deleted, Refused, TaskWriter, Wanted
from controlplane.api.feeds import JoinedFeed, task_feed
from controlplane.api.freshness import Freshness
from controlplane.api.problem import ApiError, Violation, not_found, refusal, unavailable
from controlplane.api.selectors import Selector, matches
from controlplane.api.shown import ShownTask, show_lost, show_metadata, show_task, show_waiting
from controlplane.cluster import ClusterCache, Demand, EffectiveStatus, TaskRecord, Waiting, view
from controlplane.nodeloss import NodeLosses
from controlplane.placement import PendingReasons
from taskyard import keys
from taskyard.clock import Clock, timestamp
from taskyard.keys import NamedKey
from taskyard.objects import Task, TaskState

FIELDS: Mapping[str, tuple[str, ...]] = {
    "metadata.name": (),
    "metadata.namespace": (),
    "metadata.uid": (),
    "metadata.source": (),
    "spec.image": (),
    "status.state": tuple(TaskState),
    "status.node": (),
    "status.reason": (),
    "status.health": ("", "starting", "healthy", "unhealthy"),
}
"""What a field selector may name."""


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """An empty namespace is all of them."""

    namespace: str = ""
    labels: Selector = ()
    fields: Selector = ()

    def admits(self, task: ShownTask) -> bool:
        return (
            (not self.namespace or task.metadata.namespace == self.namespace)
            and matches(self.labels, task.metadata.labels)
            and (not self.fields or matches(self.fields, _fields(task)))
        )


@dataclass(frozen=True, slots=True)
class TaskPage:
    """In order of namespace and name. `last` is where the next page starts after; None: there is none."""

    items: list[ShownTask]
    revision: int
    last: NamedKey | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one task that was applied, or would become of it with a dry run."""

    applied: Applied
    shown: ShownTask


@dataclass(frozen=True, slots=True)
class Removal:
    deleted: Deleted
    shown: ShownTask | None


@dataclass(slots=True)
class TaskService:
    cache: ClusterCache
    writer: TaskWriter
    freshness: Freshness
    why: PendingReasons
    clock: Clock
    losses: NodeLosses
    feed: JoinedFeed[NamedKey, ShownTask] = field(init=False)

    def __post_init__(self) -> None:
        self.feed = task_feed(self.cache)

    def get(self, ident: str, namespace: str, *, consistent: bool = False) -> ShownTask:
        """By name in the namespace, else by uid in any, else by the ID that the client gave it, in the namespace."""
        self.ready(consistent=consistent)
        with self.cache.lock:
            record = self.find(ident, namespace)
            return self._with_outlook(show_task(self.cache, record, self.why), record)

    def find(self, ident: str, namespace: str) -> TaskRecord:
        """As `get`. Raises ApiError: 404, and 409 when several were given that ID. Under the cache's lock."""
        record = self._known_as(ident, namespace)
        if record is not None:
            return record
        raise not_found(f"task {ident!r} in namespace {namespace}, by name, uid or ID", self._near(ident, namespace))

    def _known_as(self, ident: str, namespace: str) -> TaskRecord | None:
        record = self.cache.tasks.get(NamedKey(namespace, ident)) or self.cache.by_uid(ident)
        if record is not None:
            return record
        called = self.cache.by_client_id(ident, namespace)
        if len(called) > 1:
            names = ", ".join(each.key.name for each in called)
            raise ApiError(409, "Ambiguous", f"several tasks were given the ID {ident!r}: {names}; use one's name")
        return called[0] if called else None

    def page(
        self, chosen: TaskFilter, *, limit: int = 0, after: NamedKey | None = None, consistent: bool = False
    ) -> TaskPage:
        self.ready(consistent=consistent)
        items: list[ShownTask] = []
        reasons: dict[Demand, Waiting] = {}
        with self.cache.lock:
            for key in sorted(self.feed.shown):
                task = self.feed.shown[key]
                if (after is not None and key <= after) or not chosen.admits(task):
                    continue
                if limit and len(items) == limit:
                    return TaskPage(items, self.cache.revision, NamedKey(*_identity(items[-1])))
                items.append(self._explained(task, self.cache.tasks[key], reasons))
            return TaskPage(items, self.cache.revision)

    def _explained(self, task: ShownTask, record: TaskRecord, reasons: dict[Demand, Waiting]) -> ShownTask:
        """With why it waits, if it does, which the feed does not know; `reasons` keeps what was found out before."""
        if record.task.binding is not None:
            settled = record.task.binding.spec_hash == record.spec_hash
            return self._with_outlook(task if settled else show_task(self.cache, record, self.why), record)
        if record.demand not in reasons:
            reasons[record.demand] = self.why(record)
        return show_waiting(task, reasons[record.demand])

    def _with_outlook(self, task: ShownTask, record: TaskRecord) -> ShownTask:
        """Of one whose node is lost: when it is placed again, or why not."""
        found = self.losses.outlook(record) if task.status.state is TaskState.LOST else None
        if found is None:
            return task
        return show_lost(task, found, timestamp(self.losses.wall_time(found.due)) if found.due is not None else "")

    def write(
        self, task: Task, *, create_only: bool = False, if_match: int | None = None, take_over: bool = False
    ) -> Change:
        """Creates or replaces; the answer shows the task as of that write or later."""
        (change,) = self._shown(
            [_applied(self.writer.apply(task, create_only=create_only, if_match=if_match, take_over=take_over))]
        )
        return change

    def check(self, wanted: Sequence[Wanted], sources: Sequence[str]) -> None:
        """Raises ApiError (409) that names all that would be refused."""
        _raise_refused(self.writer.check(wanted), wanted, sources, "nothing was changed")

    def apply(self, wanted: Sequence[Wanted], sources: Sequence[str], *, dry_run: bool = False) -> list[Change]:
        """All of them; call `check` first. `sources` say where each was read from."""
        outcomes = self.writer.apply_many(wanted, dry_run=dry_run)
        refused = [outcome if isinstance(outcome, Refused) else None for outcome in outcomes]
        done = len(outcomes) - sum(1 for refusal in refused if refusal)
        _raise_refused(refused, wanted, sources, f"{done} others were applied before it")
        return self._shown([_applied(outcome) for outcome in outcomes])

    def delete(
        self,
        ident: str,
        namespace: str,
        *,
        if_match: int | None = None,
        grace_period: float | None = None,
        take_over: bool = False,
    ) -> Removal:
        """By name, also where the cache does not know it (yet), or as `get` finds it."""
        self.ready()
        with self.cache.lock:
            record = self._known_as(ident, namespace)
        key = record.key if record else NamedKey(namespace, ident)
        outcome = self.writer.delete(
            key.namespace,
            key.name,
            if_match=if_match,
            grace_period=grace_period,
            take_over=take_over,
            uid=record.uid if record is not None and key != (namespace, ident) else "",
        )
        if isinstance(outcome, Refused):
            raise refusal(outcome)
        self.freshness.reach(outcome.revision)
        with self.cache.lock:
            left = self.cache.tasks.get(key)
            if left is not None and not outcome.gone:
                return Removal(outcome, show_task(self.cache, left, self.why))
        return Removal(outcome, self._as_written(outcome.task, outcome.revision) if outcome.task else None)

    def ready(self, *, consistent: bool = False) -> None:
        """Raises a 503 until the cache was filled once; with `consistent` waits until it holds what etcd holds."""
        if not self.cache.informer.synced:
            raise unavailable("this server is starting: it has not read the cluster's state from etcd yet", "Starting")
        if consistent:
            self.freshness.reach_now()
        self.feed.begin()

    def _shown(self, applied: Sequence[Applied]) -> list[Change]:
        self.freshness.reach(max((each.revision for each in applied), default=0))
        changes = []
        with self.cache.lock:
            for each in applied:
                metadata = each.task.metadata
                record = self.cache.tasks.get(NamedKey(metadata.namespace, metadata.name))
                current = record is not None and each.revision and record.entry.mod_revision >= each.revision
                shown = show_task(self.cache, record, self.why) if record and current else None
                changes.append(Change(each, shown or self._as_written(each.task, each.revision)))
        return changes

    def _near(self, ident: str, namespace: str) -> str:
        reason = self.cache.quarantined.get(keys.task(namespace, ident))
        if reason:
            return f"what etcd holds under that name is not usable: {reason}"
        with self.cache.lock:
            elsewhere = sorted(key.namespace for key in self.cache.tasks if key.name == ident)
        return f"there is one in namespace {elsewhere[0]}" if elsewhere else ""

    def _as_written(self, task: Task, revision: int) -> ShownTask:
        """For a write that the cache does not show: a dry run, or one that it has not seen in time."""
        record = self.cache.tasks.get(NamedKey(task.metadata.namespace, task.metadata.name))
        status = view(self.cache, record) if record else EffectiveStatus(state=TaskState.PENDING)
        metadata = show_metadata(task.metadata, revision)
        return ShownTask(kind="Task", metadata=metadata, spec=task.spec, status=status)


def _applied(outcome: Applied | Refused) -> Applied:
    if isinstance(outcome, Refused):
        raise refusal(outcome)
    return outcome


def _raise_refused(
    refused: Sequence[Refused | None], wanted: Sequence[Wanted], sources: Sequence[str], rest: str
) -> None:
    violations = [
        Violation("", each.message, each.hint, source)
        for each, source in zip(refused, sources, strict=True)
        if each is not None
    ]
    if violations:
        first = next(each for each in refused if each is not None)
        detail = f"{len(violations)} of {len(wanted)} objects cannot be applied; {rest}"
        raise ApiError(409, first.reason, detail, violations=violations)


def _identity(task: ShownTask) -> tuple[str, str]:
    return task.metadata.namespace, task.metadata.name


def _fields(task: ShownTask) -> dict[str, str]:
    return {
        "metadata.name": task.metadata.name,
        "metadata.namespace": task.metadata.namespace,
        "metadata.uid": task.metadata.uid,
        "metadata.source": task.metadata.source,
        "spec.image": task.spec.image,
        "status.state": task.status.state,
        "status.node": task.status.node,
        "status.reason": task.status.reason,
        "status.health": task.status.health,
    }
