"""The scheduler against a store that has moved on, does not answer, or belongs to another leader by now."""

from __future__ import annotations

import msgspec
import pytest

from taskyard import keys
from taskyard.clock import ManualClock
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import (
    Assignment,
    Metadata,
    NamedVolume,
    NamedVolumeSpec,
    Namespace,
    NamespaceSpec,
    Quota,
    SizeRange,
    TaskLimits,
    Volume,
    key_of,
)
from taskyard.store import memory
from taskyard.store.faulty import Fault, FaultyStore
from taskyard.store.memory import MemoryStore
from tests.support.plane import GI, Plane, a_spec, a_task, a_uid


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    return plane


def _later(plane: Plane, seconds: float = 0.1) -> None:
    """Long enough for a first retry, short enough for the leader."""
    plane.clock.advance(seconds)
    plane.elector.step()
    plane.settle(plane.scheduler)


def test_a_stale_task_is_left_out_and_retried_and_the_others_go_on(plane: Plane) -> None:
    plane.add_node("n1")
    for number in range(20):
        plane.add_task(a_task(f"t{number}", a_uid(number), created=float(number)))
    plane.pump()
    changed = plane.task("t7")
    plane.add_task(msgspec.structs.replace(changed, spec=a_spec(image="other")))
    plane.scheduler.step()
    assert [plane.node_of(f"t{n}") for n in range(20)] == ["n1"] * 7 + [""] + ["n1"] * 12
    assert plane.scheduler.metrics.conflicts == 1
    _later(plane)
    binding, assignment = plane.task("t7").binding, plane.assignment("n1", a_uid(7))
    assert binding is not None
    assert assignment is not None
    assert (binding.epoch, assignment.spec.image) == (1, "other")


def test_a_node_whose_lease_goes_between_decision_and_commit_gets_nothing(plane: Plane) -> None:
    plane.add_node("n1", cpu=64_000, memory=64 * GI)
    plane.add_node("n2")
    plane.add_task(a_task("web", a_uid(1)))
    plane.pump()
    plane.delete(keys.node_lease("n1"))
    plane.scheduler.step()
    assert plane.node_of("web") == ""
    _later(plane)
    assert plane.node_of("web") == "n2"


def test_no_node_is_given_by_what_was_known_of_a_volume_that_is_on_record_by_now(plane: Plane) -> None:
    plane.add_node("n1", cpu=64_000, memory=64 * GI)
    plane.add_node("n2")
    spec = msgspec.structs.replace(a_spec(), volumes=[Volume(target="/data", name="data")])
    plane.add_task(a_task("web", a_uid(1), spec))
    plane.pump()
    record = NamedVolume(metadata=Metadata(name="data", uid=a_uid(99)), spec=NamedVolumeSpec(node="n2"))
    plane.put(keys.object_key(ObjectKey("Volume", "default", "data")), record)
    plane.scheduler.step()
    assert plane.node_of("web") == ""
    _later(plane)
    assert plane.node_of("web") == "n2"


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(NamespaceSpec(limits=TaskLimits(memory=SizeRange(max="1Gi"))), id="limits"),
        pytest.param(NamespaceSpec(quota=Quota(memory="1Gi")), id="quota"),
    ],
)
@pytest.mark.parametrize("declared", [pytest.param(True, id="changed"), pytest.param(False, id="declared")])
def test_no_node_is_given_by_what_a_namespace_allowed_until_just_now(
    plane: Plane, now: NamespaceSpec, *, declared: bool
) -> None:
    def allow(spec: NamespaceSpec) -> None:
        value = Namespace(metadata=Metadata(name="default"), spec=spec)
        plane.put(keys.object_key(key_of(value)), value)

    if declared:
        allow(NamespaceSpec())
    plane.add_node("n1")
    plane.add_task(a_task("large", a_uid(1), a_spec(memory="2Gi"), created=1))
    other = a_task("other", a_uid(2), a_spec(memory="64Mi"), created=2)
    other = msgspec.structs.replace(other, metadata=msgspec.structs.replace(other.metadata, namespace="shop"))
    plane.add_task(other)
    plane.pump()
    allow(now)
    plane.scheduler.step()
    assert plane.node_of("large") == ""
    _later(plane)
    assert (plane.node_of("large"), plane.cache.tasks[NamedKey("shop", "other")].node) == ("", "n1")
    allow(NamespaceSpec())
    _later(plane)
    assert plane.node_of("large") == "n1"


def test_an_unreadable_namespace_keeps_no_task_from_its_node(plane: Plane) -> None:
    plane.put(keys.object_key(ObjectKey("Namespace", "default", "default")), b"{")
    plane.add_node("n1")
    plane.add_task(a_task("web", a_uid(1)))
    plane.pump()
    plane.scheduler.step()
    assert plane.node_of("web") == "n1"


def test_a_node_that_came_back_in_between_is_judged_again(plane: Plane) -> None:
    plane.add_node("n1", memory=2 * GI)
    plane.add_task(a_task("web", a_uid(1), a_spec(memory="2Gi")))
    plane.pump()
    plane.delete(keys.node_lease("n1"))
    plane.add_node("n1", memory=GI)
    plane.scheduler.step()
    assert plane.node_of("web") == ""
    _later(plane)
    assert plane.node_of("web") == "", "it has less memory than when the decision was made"


def test_an_assignment_that_appeared_in_between_is_not_overwritten_unseen(plane: Plane) -> None:
    plane.add_node("n1")
    task = a_task("web", a_uid(1))
    plane.add_task(task)
    plane.pump()
    there = Assignment(uid=a_uid(1), namespace="default", name="web", epoch=8, spec_hash="h", spec=task.spec)
    plane.put(keys.assignment("n1", a_uid(1)), there)
    plane.scheduler.step()
    assert plane.assignment("n1", a_uid(1)) == there
    _later(plane)
    assignment = plane.assignment("n1", a_uid(1))
    assert assignment is not None
    assert assignment.epoch == 9


def test_the_room_of_a_binding_that_failed_goes_to_the_next(plane: Plane) -> None:
    plane.add_node("n1", memory=GI)
    plane.add_task(a_task("a", a_uid(1), a_spec(memory="1Gi"), created=1.0))
    plane.add_task(a_task("b", a_uid(2), a_spec(memory="1Gi"), created=2.0))
    plane.pump()
    plane.delete(keys.task("default", "a"))
    plane.scheduler.step()
    assert plane.node_of("b") == ""
    _later(plane)
    assert plane.node_of("b") == "n1"


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("answer lost", id="it had succeeded"),
        pytest.param("request lost", id="it had not arrived"),
        pytest.param("unreachable", id="it was not sent"),
    ],
)
def test_a_commit_without_an_answer_binds_once(fault: Fault) -> None:
    clock = ManualClock()
    store = FaultyStore(MemoryStore(clock))
    plane = Plane(clock=clock, store=store)
    plane.add_node("n1", memory=GI)
    plane.add_task(a_task("web", a_uid(1), a_spec(memory="600Mi")))
    plane.lead()
    store.fail("commit", fault)
    plane.scheduler.step()
    # Whether or not it was bound, its room is taken until that is known.
    plane.add_task(a_task("next", a_uid(2), a_spec(memory="600Mi")))
    plane.settle(plane.scheduler)
    _later(plane)
    binding = plane.task("web").binding
    assert binding is not None
    assert (binding.node, binding.epoch) == ("n1", 1)
    assert plane.node_of("next") == ""
    assert plane.scheduler.metrics.bound == 1
    assert len(plane.told("Scheduled")) == 1


def test_after_an_outage_everything_is_placed(plane: Plane) -> None:
    clock = ManualClock()
    store = FaultyStore(MemoryStore(clock))
    plane = Plane(clock=clock, store=store)
    plane.add_node("n1", memory=10 * GI)
    for number in range(100):
        plane.add_task(a_task(f"t{number}", a_uid(number), a_spec(memory="64Mi")))
    plane.lead()
    store.down = True
    plane.scheduler.step()
    store.down = False
    _later(plane)
    _later(plane, 1)
    assert {plane.node_of(f"t{number}") for number in range(100)} == {"n1"}


def test_a_task_too_large_for_the_store_is_told_of_and_holds_nobody_up(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane.add_node("n1")
    huge = msgspec.structs.replace(a_spec(), env={"DATA": "x" * 60_000})
    plane.add_task(a_task("huge", a_uid(1), huge, created=1.0))
    plane.add_task(a_task("web", a_uid(2), created=2.0))
    # An etcd with a smaller --max-request-bytes: the task alone was let in, the task with its assignment is too much.
    monkeypatch.setattr(memory, "MAX_REQUEST_BYTES", 100_000)
    plane.settle(plane.scheduler)
    assert plane.node_of("web") == "n1"
    assert plane.node_of("huge") == ""
    (event,) = plane.told("FailedScheduling")
    assert "make the task's spec smaller" in event.message
    assert plane.scheduler.metrics.refused == 1


def test_a_scheduler_that_lost_its_lead_writes_nothing(plane: Plane) -> None:
    plane.add_node("n1")
    plane.pump()
    plane.scheduler.step()
    plane.add_task(a_task("web", a_uid(1)))
    plane.pump()
    # Its lease ends while it is between reading the fence and committing: only the store can tell.
    fence = plane.elector.fence()
    plane.delete(plane.elector.key)
    other = Plane(clock=plane.clock, store=plane.store, identity="cp2")
    other.lead()
    assert plane.elector.fence() == fence
    plane.scheduler.step()
    assert plane.node_of("web") == ""
    plane.scheduler.step()
    assert not plane.scheduler.leading
    other.settle(other.scheduler)
    assert plane.node_of("web") == "n1"


def test_a_new_leader_waits_until_it_has_seen_what_the_old_one_wrote(plane: Plane) -> None:
    plane.add_node("n1", memory=GI)
    plane.add_task(a_task("a", a_uid(1), a_spec(memory="1Gi"), created=1.0))
    plane.add_task(a_task("b", a_uid(2), a_spec(memory="1Gi"), created=2.0))
    other = Plane(clock=plane.clock, store=plane.store, identity="cp2")
    other.pump()
    plane.settle(plane.scheduler)
    plane.elector.resign()
    other.elector.step()
    assert other.elector.leadership is not None
    assert not other.scheduler.step(), "its cache is from before the old leader's last binding"
    other.settle(other.scheduler)
    assert (plane.node_of("a"), plane.node_of("b")) == ("n1", "")


def test_a_follower_keeps_no_list_and_a_leader_starts_from_everything(plane: Plane) -> None:
    other = Plane(clock=plane.clock, store=plane.store, identity="cp2")
    plane.add_node("n1")
    plane.add_task(a_task("web", a_uid(1)))
    other.pump()
    other.scheduler.step()
    assert len(other.scheduler.queue) == 0
    plane.elector.resign()
    other.lead()
    other.settle(other.scheduler)
    assert plane.node_of("web") == "n1"


def test_a_missed_notification_is_made_up_for_by_the_sweep(plane: Plane) -> None:
    plane.add_node("n1")
    plane.settle(plane.scheduler)
    plane.add_task(a_task("web", a_uid(1)))
    plane.pump()
    key = plane.scheduler.queue.get(0)
    while key is not None:
        plane.scheduler.queue.done(key)
        key = plane.scheduler.queue.get(0)
    plane.settle(plane.scheduler)
    assert plane.node_of("web") == ""
    for _ in range(20):
        _later(plane, 3)
    assert plane.node_of("web") == "n1"
