"""Plans, made and carried out: an apply rehearsed in a forecast, and later the same apply for real, if it would
still do what it did there. Blocking, for worker threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.admission import NodeWriter, ObjectWriter, Refused, Unwanted
from controlplane.api.http.freshness import Freshness
from controlplane.api.http.problem import ApiError, Violation, refusal
from controlplane.api.objects import bodies
from controlplane.api.objects.apply import Apply, ShownResult
from controlplane.api.objects.bodies import Sent
from controlplane.api.objects.nodes_service import NodeService
from controlplane.api.objects.objects_service import ObjectService, ServiceOf
from controlplane.api.objects.tasks_service import TaskService
from controlplane.cluster import ClusterCache
from controlplane.forecast import Fork
from controlplane.past import cluster_at
from controlplane.placement import PendingReasons, SnapshotKeeper
from controlplane.planning import (
    Declared,
    Plan,
    PlannedDocument,
    RestsOn,
    SavedChange,
    build,
    differences,
    digest_of,
    look_at,
    node_digests,
    node_facts,
)
from controlplane.planning.document import VERSION
from controlplane.services.standing import ServiceStatus, scaling_text, standing
from taskyard import keys
from taskyard.clock import Clock, timestamp
from taskyard.keys import NamedKey, ObjectKey
from taskyard.kinds import BY_KIND, OBJECT_KINDS
from taskyard.objects import Phase, Service, Task, Wire
from taskyard.store.api import Compacted, Entry, Store


@dataclass(frozen=True, slots=True)
class Manner:
    """`source`: on whose behalf; `prune`: what that source declares no more goes; `force`: take over from another."""

    source: str = ""
    prune: bool = False
    force: bool = False


class ShownPlanDone(Wire, frozen=True, kw_only=True):
    """`results` of what was applied, in the order in which it was written; `removed`: whose end was asked for."""

    results: list[ShownResult]
    removed: list[str]
    revision: int = 0


@dataclass(slots=True)
class PlanService:
    cache: ClusterCache
    apply: Apply
    writer: ObjectWriter
    store: Store
    clock: Clock

    def plan(self, sent: Sequence[Sent], manner: Manner) -> Plan:
        """On what etcd holds now. Raises ApiError (409) for what an apply would refuse."""
        self.apply.services["Task"].ready(consistent=True)
        fork = Fork(self.cache, self.clock.now())
        nodes = node_digests(fork.cache)
        fork.settle()
        before = look_at(fork)
        applied = _rehearsal(fork, self.apply).apply(list(sent), manner.source, dry_run=False, force=manner.force)
        removed = _no_longer_declared(fork.cache, sent, manner)
        self._remove(ObjectWriter(fork.store, fork.clock), removed, manner, {})
        fork.decide()
        decided = look_at(fork)
        fork.settle()
        results = zip(sent, applied.results, strict=True)
        declared = [_declared(each.source, result, _note(self.cache, fork.cache, result)) for each, result in results]
        items, effects = build(declared, removed, before, decided, look_at(fork))
        named = [item.identity for item in items]
        return Plan(
            kind="Plan",
            version=VERSION,
            made_at=timestamp(self.clock.now()),
            revision=fork.revision,
            source=manner.source,
            prune=manner.prune,
            force=manner.force,
            items=items,
            effects=effects,
            outcome=digest_of(items, effects),
            rests_on=RestsOn(objects={name: _revision(fork.began_as, name) for name in named}, nodes=nodes),
            documents=[PlannedDocument(source=each.source, object=each.data) for each in sent],
        )

    def carry_out(self, saved: Plan) -> ShownPlanDone:
        """Just what the plan says; ApiError (409, `Stale`) that names what has changed, when that is not possible."""
        sent = bodies.read_all([(each.source, each.object) for each in saved.documents])
        manner = Manner(saved.source, saved.prune, saved.force)
        present = self.plan(sent, manner)
        if stale := self._stale(saved, present):
            detail = f"the plan of revision {saved.revision} does not hold any more, and nothing was changed"
            raise ApiError(409, "Stale", detail, violations=[Violation("", line) for line in stale])
        expected = present.rests_on.objects
        changing = {item.identity for item in present.items if item.action not in ("none", "remove")}
        wanted = sorted((each for each in sent if each.identity in changing), key=self._turn)
        done = self.apply.apply(wanted, manner.source, dry_run=False, force=manner.force, expected=expected)
        removed = [item.key for item in present.items if item.action == "remove"]
        revision = self._remove(self.writer, removed, manner, expected)
        labels = [item.label for item in present.items if item.action == "remove"]
        return ShownPlanDone(results=done.results, removed=labels, revision=max(done.revision, revision))

    def _stale(self, saved: Plan, present: Plan) -> list[str]:
        now = SnapshotKeeper(self.cache).take()
        try:
            then = SnapshotKeeper(cluster_at(self.store, saved.revision, self.clock)).take()
        except Compacted:
            facts_then = None
        else:
            facts_then = {name: node_facts(then, name) for name in then.nodes}
        return differences(saved, present, facts_then, {name: node_facts(now, name) for name in now.nodes})

    def _remove(
        self, writer: ObjectWriter, removed: Sequence[ObjectKey], manner: Manner, expected: Mapping[str, int]
    ) -> int:
        unwanted = [Unwanted(key, manner.force, expected.get(_identity(key))) for key in removed]
        revision = 0
        for outcome in writer.delete_many(unwanted, manner.source):
            if isinstance(outcome, Refused):
                raise refusal(outcome)
            revision = max(revision, outcome.revision)
        return revision

    def _turn(self, sent: Sent) -> tuple[int, str, str, str]:
        """As the scheduler takes them: when one commit does not hold them all, the first to be placed comes first."""
        metadata = sent.value.metadata
        if not isinstance(sent.value, Task):
            return 0, "", "", metadata.name
        known = self.cache.tasks.get(NamedKey(metadata.namespace, metadata.name))
        created = known.task.metadata.created_at if known else timestamp(self.clock.now())
        return -sent.value.spec.priority, created, metadata.namespace, metadata.name


class _Pumped(Freshness):
    """A forecast has no thread that pumps: whoever waits for its cache does."""

    def __init__(self, fork: Fork) -> None:
        self._fork = fork

    def reach(self, revision: int) -> bool:
        self._fork.pump()
        return self._fork.informer.revision >= revision

    def reach_now(self) -> None:
        self._fork.pump()


def _rehearsal(fork: Fork, real: Apply) -> Apply:
    """The same apply, on the forecast."""
    freshness = _Pumped(fork)
    writer = ObjectWriter(fork.store, fork.clock, new_uid=fork.new_uid)
    services: dict[str, ServiceOf[Any]] = {
        kind: ObjectService(kind, fork.cache, writer, freshness) for kind in OBJECT_KINDS if kind != "Task"
    }
    reasons = PendingReasons(fork.cache, fork.clock)
    services["Task"] = TaskService(fork.cache, writer, freshness, reasons, fork.clock, fork.losses)
    nodes = NodeService(fork.cache, NodeWriter(fork.store, fork.clock), freshness)
    return Apply(writer, services, nodes, real.workers)


def _no_longer_declared(cache: ClusterCache, sent: Sequence[Sent], manner: Manner) -> list[ObjectKey]:
    if not manner.prune:
        return []
    declared = {each.identity for each in sent}
    return sorted(
        key
        for key, value in cache.everything()
        if value.metadata.source == manner.source
        and value.metadata.owner is None
        and not value.metadata.deletion_timestamp
        and _identity(key) not in declared
    )


def _declared(source: str, result: ShownResult, note: str) -> Declared:
    changes = tuple(SavedChange(path=each.path, old=each.old, new=each.new) for each in result.changes)
    return Declared(result.kind, result.namespace, result.name, source, result.result, changes, note)


def _note(now: ClusterCache, then: ClusterCache, result: ShownResult) -> str:
    """What is left to be done for a service once all has settled, by its own words, and how it is scaled meanwhile."""
    after = _standing(then, result)
    if after is None:
        return ""
    parts = [after.message] if after.phase == Phase.AWAITING_PROMOTION else []
    if after.autoscale is not None:
        before = _standing(now, result)
        parts.append(scaling_text(before.wanted if before is not None else None, after.autoscale))
    return "; ".join(parts)


def _standing(cache: ClusterCache, result: ShownResult) -> ServiceStatus | None:
    with cache.lock:
        record = cache.objects.get(ObjectKey(result.kind, result.namespace, result.name))
        return standing(cache, record.value) if record and isinstance(record.value, Service) else None


def _identity(key: ObjectKey) -> str:
    """As that of what is sent (objects/bodies.py)."""
    return f"{key.kind}/{key.namespace if BY_KIND[key.kind].namespaced else ''}/{key.name}"


def _revision(entries: Mapping[str, Entry], identity: str) -> int:
    kind, namespace, name = identity.split("/")
    place = keys.node_spec(name) if kind == "Node" else keys.object_key(ObjectKey(kind, namespace or "default", name))
    entry = entries.get(place)
    return entry.mod_revision if entry is not None else 0
