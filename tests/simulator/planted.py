"""Guards of the protocol, switched off one at a time: what the simulator has to catch."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from controlplane.admission import creates, removal, writer
from controlplane.cluster import ClusterCache, NodeRecord
from controlplane.garbage import gather as garbage
from controlplane.garbage.sightings import Sightings
from controlplane.intake import Intake
from controlplane.leading import Proposal, carrying, commits, loop
from controlplane.maintenance import controller as maintenance
from controlplane.placement.engine import engine
from controlplane.returning import controller as returning
from controlplane.scheduler import bindings, scheduler
from controlplane.scheduler.assumed import Assumptions
from controlplane.scheduler.gangs import Gangs
from controlplane.tasks import controller
from nodeagent import (
    agent,
    decide,
    fake_guard,
    guard,
    memory,
    progress,
    publisher,
    registration,
    restart,
    view,
)
from nodeagent.actions import Action
from nodeagent.anchor import Anchor
from nodeagent.conditions import Conditions
from nodeagent.fake_guard import FakeGuard
from nodeagent.memory import TaskMemory
from nodeagent.names import Owner, Run
from nodeagent.registration import NameHeld, Registration
from nodeagent.situation import Situation
from nodeagent.view import ContainerView
from simulator.plane import PlaneProcess
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import Assignment, ConditionType, TaskState, TaskStatus, encode
from taskyard.store.api import Compacted, Compare, KeyEvent, Put, Store, StoreError, StoreUnavailable, unchanged
from taskyard.store.informer import Change, Informer

Plant = Callable[[pytest.MonkeyPatch], None]


def _status_compare_dropped(patch: pytest.MonkeyPatch) -> None:
    def publish(self: publisher.Publisher, held: TaskMemory, status: TaskStatus) -> bool:
        key = keys.status(self._node, held.uid)
        commit = self._store.commit([], [Put(key, encode(status))])
        held.written, held.written_revision = status, commit.revision
        return True

    patch.setattr(publisher.Publisher, "publish", publish)


def _own_status_compare_dropped(patch: pytest.MonkeyPatch) -> None:
    """Only the compare with the status before."""

    def publish(self: publisher.Publisher, held: TaskMemory, status: TaskStatus) -> bool:
        fence, key = self._standing.fence(), keys.status(self._node, held.uid)
        if fence is None or held.entry is None:
            raise StoreUnavailable("the node is not registered")
        commit = self._store.commit([unchanged(held.entry), fence], [Put(key, encode(status))])
        if commit.succeeded:
            held.written, held.written_revision = status, commit.revision
        return commit.succeeded

    patch.setattr(publisher.Publisher, "publish", publish)


_ALWAYS = Compare("/taskyard/v1/leader/nobody", "create", 0)


def _fence_dropped(patch: pytest.MonkeyPatch) -> None:
    def unfenced(store: Store, _: Compare, found: Sequence[Proposal[Any]]) -> commits.Results[Any]:
        return commits.commit_all(store, _ALWAYS, found)

    patch.setattr(scheduler, "commit_all", unfenced)
    patch.setattr(carrying, "commit_all", unfenced)


def _scheduler_compares(patch: pytest.MonkeyPatch, drop: Callable[[Compare], bool]) -> None:
    def propose(*args: Any, **named: Any) -> Proposal[Any]:
        made = bindings.propose(*args, **named)
        return Proposal(made.subject, tuple(c for c in made.compares if not drop(c)), made.operations)

    patch.setattr(scheduler, "propose", propose)


def _node_lease_compare_dropped(patch: pytest.MonkeyPatch) -> None:
    _scheduler_compares(patch, lambda compare: compare.key.endswith("/lease"))


def _task_compare_dropped(patch: pytest.MonkeyPatch) -> None:
    _scheduler_compares(patch, lambda compare: compare.key.startswith(keys.TASKS))


def _epoch_stands_still(patch: pytest.MonkeyPatch) -> None:
    def standing_of(cache: ClusterCache, record: Any, *, lost: bool = False) -> bindings.Standing:
        return replace(bindings.standing_of(cache, record, lost=lost), epoch=0)

    patch.setattr(scheduler, "standing_of", standing_of)


def _term_begun_too_early(patch: pytest.MonkeyPatch) -> None:
    def lead(self: loop.LeaderLoop[Any]) -> Compare | None:
        return self._term or self._begun or _original_lead(self)

    _original_lead = loop.LeaderLoop._lead
    patch.setattr(loop.LeaderLoop, "_lead", lead)


def _relist_skipped(patch: pytest.MonkeyPatch) -> None:
    def pump(self: Informer, timeout: float) -> bool:
        if self._watch is None:
            if not self.synced:
                self.sync()
                return True
            self._watch = self._store.watch(self._prefix, start_revision=0)
        try:
            batch = self._watch.poll(timeout)
        except Compacted:
            self.close()
            return True
        if batch is None:
            return False
        self._apply(batch)
        return True

    patch.setattr(Informer, "pump", pump)


def _tombstones_dropped(patch: pytest.MonkeyPatch) -> None:
    original = Informer._apply_event

    def apply_event(self: Informer, event: KeyEvent) -> Change | None:
        self._deleted.clear()
        return original(self, event)

    patch.setattr(Informer, "_apply_event", apply_event)


def _old_news_believed(patch: pytest.MonkeyPatch) -> None:
    original = Informer._apply_event

    def apply_event(self: Informer, event: KeyEvent) -> Change | None:
        known = self._entries.get(event.key)
        if known is not None and event.entry is not None and event.revision < known.mod_revision:
            self._entries[event.key] = event.entry
            return Change(event.key, known, event.entry, event.revision)
        return original(self, event)

    patch.setattr(Informer, "_apply_event", apply_event)


def _adoption_off(patch: pytest.MonkeyPatch) -> None:
    """A new agent neither lists what runs nor takes a container that has its name for its own."""

    def compare(self: ContainerView, _: Sequence[Any]) -> set[str]:
        self.listed = True
        return set()

    patch.setattr(ContainerView, "compare", compare)


def _intent_not_durable(patch: pytest.MonkeyPatch) -> None:
    rules = tuple(rule for rule in decide.RULES if rule is not decide._publish)
    create = decide._create

    def create_at_once(situation: Situation, assignment: Assignment, status: TaskStatus) -> Action | None:
        return create(Situation(**{**_fields(situation), "written": status}), assignment, status)

    patch.setattr(decide, "RULES", (*[create_at_once if r is create else r for r in rules], decide._publish))


def _fields(situation: Situation) -> dict[str, Any]:
    return {name: getattr(situation, name) for name in Situation.__dataclass_fields__}


def _old_epochs_left_running(patch: pytest.MonkeyPatch) -> None:
    original = decide._clear
    patch.setattr(decide, "_clear", lambda s, cs, grace: original(s, cs, grace) if s.assignment is None else None)


def _foreign_containers_taken(patch: pytest.MonkeyPatch) -> None:
    """Whatever has a uid for a label is the agent's."""

    def run_of(_owner: Owner, _name: str, labels: Mapping[str, str]) -> Run | None:
        uid = labels.get("taskyard/uid", "")
        return (
            Run(uid, int(labels.get("taskyard/epoch", "1")), int(labels.get("taskyard/attempt", "1"))) if uid else None
        )

    patch.setattr(view, "run_of", run_of)


def _admission_compare_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(writer, "unchanged_since", lambda key, _: Compare(key + "/none", "mod", 0))


def _deletion_compare_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(removal, "unchanged", lambda entry: Compare(entry.key + "/none", "mod", 0))


def _lease_not_registered_again(patch: pytest.MonkeyPatch) -> None:
    def step(self: Registration) -> float:
        pause = self._keeper.step()
        if not self._registered and self._keeper.lease:
            with contextlib.suppress(StoreError, NameHeld):
                self._register()
        return pause

    patch.setattr(Registration, "step", step)


def _restarts_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A new agent does not read what its predecessor wrote of restarts and backoff."""
    patch.setattr(memory, "_read_status", lambda _: None)


def _no_retry_of_stale(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agent.Agent, "_rest", lambda self, held: self._parts.queue.done(held.uid))


def _watchdog_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(FakeGuard, "act", lambda _: math.inf)


def _started_without_a_hold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(FakeGuard, "hold", lambda *_: True)


def _singleton_moved_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(scheduler, "elsewhere", lambda *_: {})


def _fence_after_the_lease(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(guard, "fences", lambda deadline, ttl: guard.Fences(deadline + ttl / 2, deadline + ttl))
    patch.setattr(fake_guard, "fences", guard.fences)


def _backoff_not_waited(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        decide, "RULES", tuple(rule for rule in decide.RULES if rule is not decide._wait_for_the_next_attempt)
    )


def _backoff_does_not_grow(patch: pytest.MonkeyPatch) -> None:
    original = restart.wait_before
    for module in (restart, progress, decide):
        patch.setattr(module, "wait_before", lambda backoff, step, luck=0.0: original(backoff, min(step, 1), luck))


def _loss_compares_dropped(patch: pytest.MonkeyPatch) -> None:
    """A node that came back meanwhile does not keep its task."""
    patch.setattr(bindings, "_still_lost", lambda *_: ())


def _without(rule: decide.EpochRule) -> tuple[decide.EpochRule, ...]:
    return tuple(each for each in decide.RULES if each is not rule)


def _anchor_check_off(patch: pytest.MonkeyPatch) -> None:
    """A new agent does not notice that the store lost data while it was away."""
    patch.setattr(Anchor, "went_back", lambda *_: False)


def _lost_data_stops_containers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agent, "decide", lambda situation: decide.decide(replace(situation, kept=False)))


def _written_status_not_taken_over(patch: pytest.MonkeyPatch) -> None:
    """What an agent on another host wrote in this node's name is overwritten by what this one remembers."""
    patch.setattr(memory, "_overtaken", lambda held, _: held.status is None)


def _quarantine_off(patch: pytest.MonkeyPatch) -> None:
    """A task whose value cannot be read, or is not complete yet, counts as deleted."""
    patch.setattr(controller.TaskController, "_unsettled", lambda *_: False)


def _intake_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Intake, "work", lambda *_: False)


def _held_names_taken(patch: pytest.MonkeyPatch) -> None:
    """An agent takes its node's name, whoever holds it."""
    patch.setattr(registration, "holder", lambda *_, **__: "")


def _dry_runs_write(patch: pytest.MonkeyPatch) -> None:
    original = writer.ObjectWriter.apply_many
    patch.setattr(writer.ObjectWriter, "apply_many", lambda self, wanted, **_: original(self, wanted))


def _assumed_room_forgotten(patch: pytest.MonkeyPatch) -> None:
    """What was bound and has not come back by the watch takes no room yet."""
    patch.setattr(Assumptions, "over", lambda _, snapshot: snapshot)


def _task_controller_compares_dropped(patch: pytest.MonkeyPatch) -> None:
    """All but the fence."""
    original = controller.carry_out

    def bare(self: Any, fence: Compare, batch: Any, found: Sequence[Proposal[Any]], *args: Any, **named: Any) -> Any:
        return original(self, fence, batch, [Proposal(p.subject, (), p.operations) for p in found], *args, **named)

    patch.setattr(controller, "carry_out", bare)


def _late_creates_carried_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(creates.Creates, "compare", lambda _: Compare(keys.CREATES + "/none", "mod", 0))


class _TimeOfDay:
    """A clock that counts what passes by the time of day."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.now = clock.now

    def monotonic(self) -> float:
        return float(self._clock.monotonic() + self._clock.ahead)


def _lease_counted_by_the_time_of_day(patch: pytest.MonkeyPatch) -> None:
    """An agent's, and so when its singletons have to be gone."""
    original = Registration.__init__

    def begin(self: Registration, store: Store, clock: Any, *args: Any, **named: Any) -> None:
        original(self, store, _TimeOfDay(clock), *args, **named)

    patch.setattr(Registration, "__init__", begin)


def _planes_count_by_the_time_of_day(patch: pytest.MonkeyPatch) -> None:
    original = PlaneProcess.__init__

    def begin(self: PlaneProcess, *args: Any) -> None:
        original(self, *args[:-1], _TimeOfDay(args[-1]))

    patch.setattr(PlaneProcess, "__init__", begin)


def _ended_version_keeps_its_room(patch: pytest.MonkeyPatch) -> None:
    """What the version before had is set aside for the next one, though it has ended and others got it."""
    patch.setattr(Assumptions, "recharge", lambda *_: None)


def _quota_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(engine, "over", lambda *_: "")


def _gang_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Gangs, "lacks", lambda *_: 0)


def _conditions_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(NodeRecord, "taints", property(lambda node: node.spec.taints if node.spec else []))


def _clock_once_wrong_always_wrong(patch: pytest.MonkeyPatch) -> None:
    """It is compared, and what was said of it is never taken back."""
    note = Conditions.note

    def sticky(self: Conditions, condition: ConditionType, message: str | None) -> None:
        if condition != "ClockSkew" or message is not None:
            note(self, condition, message)

    patch.setattr(Conditions, "note", sticky)


def _wall_clock_alone_believed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sightings, "look", lambda _, there, __: dict.fromkeys(there, math.inf))


def _stopped_counts_as_ended(patch: pytest.MonkeyPatch) -> None:
    """Of a task that has to be placed again it does not."""
    patch.setattr(garbage, "needs_binding", lambda *_: False)
    shown = garbage.view
    patch.setattr(garbage, "view", lambda *args: replace(shown(*args), state=TaskState.COMPLETED))


def _maintenance_without_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(maintenance, "left", lambda *_: math.inf)


def _maintenance_takes_the_cordon_along(patch: pytest.MonkeyPatch) -> None:
    end = maintenance.end
    patch.setattr(maintenance, "end", lambda node, spec, at: end(node, replace(spec, cordoned=False, labels={}), at))


def _nobody_brought_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(returning, "SETTLED", math.inf)


def _all_brought_back(patch: pytest.MonkeyPatch) -> None:
    """Whatever they want."""
    patch.setattr(returning.ReturnController, "_may_go", lambda *_: True)
    note = returning.ReturnController._note

    def noted(self: returning.ReturnController, key: NamedKey) -> None:
        note(self, key)
        record = self.cache.tasks.get(key)
        if record is not None and record.task.binding is not None and record.task.binding.lost_from:
            self._origin[key] = record.task.binding.lost_from

    patch.setattr(returning.ReturnController, "_note", noted)


PLANTED: dict[str, Plant] = {
    "status compare dropped": _status_compare_dropped,
    "own status compare dropped": _own_status_compare_dropped,
    "fence dropped": _fence_dropped,
    "node lease compare dropped": _node_lease_compare_dropped,
    "task compare dropped": _task_compare_dropped,
    "epoch stands still": _epoch_stands_still,
    "term begun too early": _term_begun_too_early,
    "relist skipped": _relist_skipped,
    "tombstones dropped": _tombstones_dropped,
    "old news believed": _old_news_believed,
    "adoption off": _adoption_off,
    "intent not durable": _intent_not_durable,
    "old epochs left running": _old_epochs_left_running,
    "foreign containers taken": _foreign_containers_taken,
    "admission compare dropped": _admission_compare_dropped,
    "deletion compare dropped": _deletion_compare_dropped,
    "lease not registered again": _lease_not_registered_again,
    "restarts forgotten": _restarts_forgotten,
    "no retry of stale": _no_retry_of_stale,
    "watchdog off": _watchdog_off,
    "started without a hold": _started_without_a_hold,
    "singleton moved at once": _singleton_moved_at_once,
    "fence after the lease": _fence_after_the_lease,
    "backoff not waited": _backoff_not_waited,
    "backoff does not grow": _backoff_does_not_grow,
    "loss compares dropped": _loss_compares_dropped,
    "anchor check off": _anchor_check_off,
    "lost data stops containers": _lost_data_stops_containers,
    "written status not taken over": _written_status_not_taken_over,
    "quarantine off": _quarantine_off,
    "intake off": _intake_off,
    "held names taken": _held_names_taken,
    "dry runs write": _dry_runs_write,
    "assumed room forgotten": _assumed_room_forgotten,
    "lease counted by the time of day": _lease_counted_by_the_time_of_day,
    "planes count by the time of day": _planes_count_by_the_time_of_day,
    "ended version keeps its room": _ended_version_keeps_its_room,
    "quota ignored": _quota_ignored,
    "gang not waited for": _gang_not_waited_for,
    "conditions ignored": _conditions_ignored,
    "nobody brought back": _nobody_brought_back,
    "all brought back": _all_brought_back,
    "maintenance without end": _maintenance_without_end,
    "maintenance takes the cordon along": _maintenance_takes_the_cordon_along,
    "clock once wrong always wrong": _clock_once_wrong_always_wrong,
    "wall clock alone believed": _wall_clock_alone_believed,
    "stopped counts as ended": _stopped_counts_as_ended,
    "late creates carried out": _late_creates_carried_out,
    "task controller compares dropped": _task_controller_compares_dropped,
}
