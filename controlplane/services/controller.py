"""The service controller's loop: which services to look at, what is known of each, and the commits that follow."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from controlplane.admission import removal_of
from controlplane.cluster import CacheChange, ObjectRecord, RolloutRecord
from controlplane.leading import Look, Means, OwnerLoop, Proposal, Write
from controlplane.services.data import followers_of, with_data
from controlplane.services.decide import Decision, Situation, decide
from controlplane.services.digests import with_digest
from controlplane.services.gather import services_on, slot_tasks, slots_of, taken_slots, unread_record
from controlplane.services.loads import Reader, loads_of, reader, scaled
from controlplane.services.memory import Since
from controlplane.services.news import news
from controlplane.services.revise import revise
from controlplane.services.scaling import EVERY, Recent, bound, rescale
from controlplane.services.slots import SlotTask, new_task
from taskyard import keys
from taskyard.clock import timestamp
from taskyard.keys import NamedKey
from taskyard.objects import ObjectRef, Rollout, Scale, Service, encode
from taskyard.store.api import Delete, Put, absent, unchanged

GIVEN_UP_AFTER = 300.0
"""Seconds that a node is lost before a service with one task for each node takes that task away."""


class ServiceController(OwnerLoop[Rollout]):
    """Keys are services. Run it in one thread, or step it."""

    kinds = ("task", "object", "node", "assignment", "status", "move", "result")

    def __init__(self, means: Means) -> None:
        super().__init__(means, "Service", unread_record)
        self._since = Since(means.clock)
        self._recent: dict[NamedKey, Recent] = {}
        """Of those that are autoscaled."""
        self._read: Reader = reader(means.cache)
        """Of this round."""

    def begin_term(self) -> None:
        super().begin_term()
        self._since.clear()
        self._recent.clear()

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[NamedKey]:
        found: list[NamedKey] = []
        for change in changes:
            found += [NamedKey(*key[1:]) for key in (change.object, change.owner) if key and key.kind == "Service"]
            found += followers_of(self.cache, change)
            if change.kind == "node":
                found += self._concerned_by(change.node)
        return found

    def begin_round(self) -> None:
        self._read = reader(self.cache)

    def look(self, key: NamedKey, record: ObjectRecord) -> Look[Rollout]:
        known = self.cache.rollouts.get(key)
        decision = self._decide(key, record, known)
        proposals = self._proposals(key, record, known, decision)
        return Look(proposals, known.rollout if known else None, decision.rollout, decision.again_in)

    def _decide(self, key: NamedKey, record: ObjectRecord, known: RolloutRecord | None) -> Decision:
        assert isinstance(record.value, Service)
        service = with_data(self.cache, record.value)
        rollout = revise(service, known.rollout if known else None, timestamp(self.clock.now()))
        marks = {"progress"}

        def ready_for(uid: str, ready: bool) -> float:
            marks.add(uid)
            held = self._since.held_for(key, uid, ready)
            return held if ready else 0.0

        tasks = slot_tasks(self.cache, service, ready_for)
        rollout = replace(rollout, scale=self._scale(key, service, rollout, tasks))
        if service.spec.mode == "replicated" and (rollout.scale is None or rollout.replicas is None):
            rollout = replace(rollout, replicas=service.spec.replicas)
        if known is not None and known.rollout.scale is not None and known.rollout.scale != rollout.scale:
            # It is written before any task is made or removed for it, so that the count is always one that was decided.
            return Decision(rollout)
        pinned = with_digest(service, rollout, tasks)
        if known is not None and pinned != rollout:
            return Decision(pinned)  # As above: what tasks are made of is always what the revision says.
        service = scaled(service, rollout)
        slots, spare = slots_of(self.cache, service, tasks, self._given_up())
        progress = (rollout.target, rollout.phase, service.spec.paused, service.spec.replicas, _progress(tasks))
        stalled_for = self._since.held_for(key, "progress", progress)
        self._since.keep(key, marks)
        taken = taken_slots(self.cache, service, slots)
        decision = decide(Situation(service, rollout, slots, spare, tasks, taken, stalled_for))
        if rollout.scale is not None:
            decision.again_in = EVERY if decision.again_in is None else min(EVERY, decision.again_in)
        return decision

    def _scale(self, key: NamedKey, service: Service, rollout: Rollout, tasks: Sequence[SlotTask]) -> Scale | None:
        """As it was, when nothing is decided anew; None for one that is not autoscaled."""
        autoscale, at = service.spec.autoscale, timestamp(self.clock.now())
        if autoscale is None:
            self._recent.pop(key, None)
            return None
        if rollout.scale is None:
            there = service.spec.replicas if rollout.replicas is None else rollout.replicas
            return Scale(replicas=bound(autoscale, there), at=at, why="it begins with so many")
        current = rollout.scale.replicas
        loads = loads_of(self.cache, autoscale, current, tasks, self._read)
        found, self._recent[key] = rescale(autoscale, current, loads, self._recent.get(key), self.clock.monotonic())
        return rollout.scale if found.replicas == current else Scale(replicas=found.replicas, at=at, why=found.why)

    def _given_up(self) -> set[str]:
        losses, now = self._losses.now, self.clock.monotonic()
        return {name for name, loss in losses.lost.items() if now - loss.since >= GIVEN_UP_AFTER} - losses.held

    def _proposals(
        self, key: NamedKey, record: ObjectRecord, known: RolloutRecord | None, decision: Decision
    ) -> list[Proposal[Write]]:
        """Each rests on the service as it is, so that nothing is made for one that was changed or deleted."""
        service = record.value
        assert isinstance(service, Service)
        same = unchanged(record.entry)
        found: list[Proposal[Write]] = []
        if known is None or known.rollout != decision.rollout:
            place = keys.rollout(*key)
            before = unchanged(known.entry) if known else absent(place)
            put = Put(place, encode(decision.rollout))
            found.append(Proposal(Write("rollout", key, key.name), (same, before), (put,)))
        for make in decision.makes:
            at, uid = timestamp(self.clock.now()), self._new_uid()
            task = new_task(service, make.template, make.slot, uid, at, stands_in_for=make.stands_in_for)
            place = keys.task(key.namespace, task.metadata.name)
            put = Put(place, encode(task))
            found.append(Proposal(Write("make", key, task.metadata.name), (same, absent(place)), (put,)))
        for change in decision.changes:
            entry = change.old.entry
            put = Put(entry.key, encode(change.task))
            found.append(Proposal(Write("change", key, change.task.metadata.name), (same, unchanged(entry)), (put,)))
        for old in decision.removes:
            removal = removal_of(old.task, self.clock.now())
            operation = Put(old.entry.key, encode(removal.value)) if removal.value else Delete(old.entry.key)
            compares = (same, unchanged(old.entry))
            found.append(Proposal(Write("remove", key, old.task.metadata.name), compares, (operation,)))
        return found

    def tell(self, key: NamedKey, before: Rollout | None, after: Rollout) -> None:
        """What is new in the rollout, once it is written."""
        about = ObjectRef(kind="Service", name=key.name, uid=after.service_uid)
        for each in news(before, after):
            self._events.emit(about, key.namespace, each.reason, each.message, warning=each.warning)

    def _concerned_by(self, node: str) -> list[NamedKey]:
        """Those with a task on the node, and those that have one on each."""
        per_node = [
            NamedKey(*key[1:])
            for key, record in self.cache.objects.items()
            if isinstance(record.value, Service) and record.value.spec.mode == "per-node"
        ]
        return [*services_on(self.cache, node), *per_node]

    def forget(self, key: NamedKey) -> None:
        super().forget(key)
        self._since.keep(key, set())
        self._recent.pop(key, None)


def _progress(tasks: Sequence[SlotTask]) -> tuple[tuple[str, int, bool], ...]:
    """What differs when a rollout has come further: tasks that came, changed or became ready."""
    return tuple((each.slot, each.task.metadata.generation, each.ready) for each in tasks)
