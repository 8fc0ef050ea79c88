"""The scheduler's loop on a store in memory: what a binding writes, and that nobody waits for a poll."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.cluster import demand_of
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import Binding, Metadata, NodeSpec, Taint, TaskState, spec_hash
from taskyard.store.api import Compare, Put
from tests.support.plane import GI, MI, Plane, a_spec, a_task, a_uid

UID = a_uid(1)


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    return plane


def _settle(plane: Plane) -> None:
    plane.settle(plane.scheduler)


def _keys(plane: Plane, prefix: str) -> list[str]:
    return [entry.key for entry in plane.store.list(prefix).entries]


def test_a_binding_is_the_task_and_its_assignment_in_one_commit(plane: Plane) -> None:
    plane.add_node("n1")
    labelled = a_task("web", UID, a_spec(memory="512Mi", host_ports=(80,)))
    labelled = msgspec.structs.replace(labelled, metadata=msgspec.structs.replace(labelled.metadata, labels={"a": "b"}))
    plane.add_task(labelled)
    _settle(plane)
    task, assignment = plane.task("web"), plane.assignment("n1", UID)
    assert assignment is not None
    at = "2023-11-14T22:13:20.000Z"
    assert task.binding == Binding(node="n1", epoch=1, spec_hash=spec_hash(task.spec), bound_at=at)
    assert (task.metadata, task.spec) == (labelled.metadata, labelled.spec)
    assert (assignment.uid, assignment.namespace, assignment.name, assignment.epoch) == (UID, "default", "web", 1)
    assert (assignment.desired, assignment.spec, assignment.labels) == ("Running", task.spec, {"a": "b"})
    assert (assignment.spec_hash, assignment.assigned_at) == (spec_hash(task.spec), at)
    task_entry, entry = plane.store.get(keys.task("default", "web")), plane.store.get(keys.assignment("n1", UID))
    assert task_entry is not None
    assert entry is not None
    assert task_entry.mod_revision == entry.mod_revision
    (event,) = plane.told("Scheduled")
    assert (event.about.name, event.about.uid, event.message, event.type) == ("web", UID, "placed on n1", "Normal")


def test_many_bindings_share_few_commits(plane: Plane) -> None:
    plane.add_node("n1", cpu=100_000, memory=100 * GI)
    for i in range(200):
        plane.add_task(a_task(f"t{i}", a_uid(i)))
    _settle(plane)
    revisions = {entry.mod_revision for entry in plane.store.list(keys.TASKS).entries}
    # 64 times task and assignment is what etcd takes; one compare less than that is free beside fence and lease.
    assert len(revisions) == 4
    assert plane.scheduler.metrics.bound == 200
    assert plane.scheduler.metrics.bind_latency.total == 200
    assert plane.scheduler.metrics.pending == 0


def test_a_new_spec_is_a_new_epoch_on_the_same_node_in_one_commit(plane: Plane) -> None:
    plane.add_node("n1", memory=GI)
    plane.add_node("n2", memory=8 * GI, cpu=64_000)
    plane.set_node(NodeSpec(metadata=Metadata(name="n2"), cordoned=True))
    plane.add_task(a_task("web", UID, a_spec(memory="1Gi")))
    _settle(plane)
    plane.set_node(NodeSpec(metadata=Metadata(name="n2")))
    plane.report("web", TaskState.RUNNING)
    plane.add_task(msgspec.structs.replace(plane.task("web"), spec=a_spec(memory="1Gi", image="busybox:2")))
    _settle(plane)
    binding, assignment = plane.task("web").binding, plane.assignment("n1", UID)
    assert binding is not None
    assert assignment is not None
    assert (binding.node, binding.epoch, assignment.epoch, assignment.spec.image) == ("n1", 2, 2, "busybox:2")
    task_entry, entry = plane.store.get(keys.task("default", "web")), plane.store.get(keys.assignment("n1", UID))
    assert task_entry is not None
    assert entry is not None
    assert task_entry.mod_revision == entry.mod_revision
    assert plane.store.get(keys.status("n1", UID)) is not None, (
        "the old status stays until the agent writes the new one"
    )


def test_a_move_deletes_the_old_assignment_and_status_in_the_same_commit(plane: Plane) -> None:
    plane.add_node("n1", memory=GI)
    plane.add_task(a_task("web", UID, a_spec(memory="1Gi")))
    _settle(plane)
    plane.report("web", TaskState.RUNNING)
    plane.add_node("n2", memory=2 * GI)
    plane.add_task(msgspec.structs.replace(plane.task("web"), spec=a_spec(memory="2Gi")))
    before = plane.store.list(keys.ROOT).revision
    _settle(plane)
    binding = plane.task("web").binding
    assert binding is not None
    assert (binding.node, binding.epoch) == ("n2", 2)
    assert _keys(plane, keys.node_prefix("n1")) == [keys.node_lease("n1")]
    assert plane.store.list(keys.ROOT).revision == before + 1


def test_an_assignment_deleted_by_hand_is_written_again_with_a_new_epoch(plane: Plane) -> None:
    plane.add_node("n1")
    plane.add_task(a_task("web", UID))
    _settle(plane)
    plane.delete(keys.assignment("n1", UID))
    _settle(plane)
    assignment = plane.assignment("n1", UID)
    assert assignment is not None
    assert assignment.epoch == 2


def test_junk_where_the_assignment_goes_is_overwritten(plane: Plane) -> None:
    plane.add_node("n1")
    plane.put(keys.assignment("n1", UID), b"junk")
    plane.add_task(a_task("web", UID))
    _settle(plane)
    assert plane.assignment("n1", UID) is not None


@pytest.mark.parametrize("deleted", [pytest.param(True, id="being deleted"), pytest.param(False, id="without uid")])
def test_some_tasks_are_not_the_scheduler_s(plane: Plane, deleted: bool) -> None:
    plane.add_node("n1")
    plane.add_task(a_task("web", UID if deleted else "", deleted=deleted))
    _settle(plane)
    assert plane.node_of("web") == ""


def _finish(plane: Plane) -> None:
    plane.report("first", TaskState.COMPLETED)


def _remove(plane: Plane) -> None:
    plane.delete(keys.task("default", "first"), keys.assignment("n1", a_uid(9)))


def _join(plane: Plane) -> None:
    plane.add_node("n2", memory=GI)


def _grow(plane: Plane) -> None:
    plane.add_node("n1", memory=2 * GI)


@pytest.mark.parametrize("make_room", [_finish, _remove, _join, _grow])
def test_a_pending_task_is_placed_when_room_appears_without_polling(plane: Plane, make_room: object) -> None:
    plane.add_node("n1", memory=GI)
    plane.add_task(a_task("first", a_uid(9), a_spec(memory="1Gi")))
    _settle(plane)
    plane.add_task(a_task("web", UID, a_spec(memory="1Gi")))
    _settle(plane)
    assert plane.node_of("web") == ""
    assert plane.scheduler.metrics.pending == 1
    assert callable(make_room)
    make_room(plane)
    _settle(plane)
    assert plane.node_of("web") != ""
    assert plane.clock.monotonic() == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(NodeSpec(metadata=Metadata(name="n1"), cordoned=True), {}, id="uncordoned"),
        pytest.param(NodeSpec(metadata=Metadata(name="n1"), taints=[Taint(key="x")]), {}, id="taint removed"),
        pytest.param(NodeSpec(metadata=Metadata(name="n1")), {"zone": "a"}, id="label added"),
    ],
)
def test_a_pending_task_is_placed_when_the_operator_lets_it(
    plane: Plane, before: NodeSpec, after: dict[str, str]
) -> None:
    plane.add_node("n1")
    plane.set_node(before)
    plane.add_task(a_task("web", UID, a_spec(selector=after)))
    _settle(plane)
    assert plane.node_of("web") == ""
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), labels=after))
    _settle(plane)
    assert plane.node_of("web") == "n1"
    assert plane.clock.monotonic() == 0


def test_a_task_that_fits_nowhere_is_told_of_once_and_again_when_the_reason_changes(plane: Plane) -> None:
    plane.add_node("n1", memory=GI)
    plane.add_task(a_task("web", UID, a_spec(memory="2Gi")))
    _settle(plane)
    plane.clock.advance(5)
    plane.elector.step()
    plane.add_node("n2", memory=GI)
    _settle(plane)
    message = "0 of 1 node fits: 1 too little memory (n1 needs 1Gi more)"
    assert [(e.type, e.message, e.count) for e in plane.told("FailedScheduling")] == [("Warning", message, 1)]
    for _ in range(14):
        plane.clock.advance(5)
        plane.elector.step()
        _settle(plane)
    later = "0 of 2 nodes fit: 2 too little memory (needs 1Gi more)"
    assert sorted(e.message for e in plane.told("FailedScheduling")) == [message, later]


def test_a_deleted_pending_task_waits_no_more(plane: Plane) -> None:
    plane.add_task(a_task("web", UID))
    _settle(plane)
    assert plane.scheduler.metrics.pending == 1
    plane.delete(keys.task("default", "web"))
    _settle(plane)
    assert plane.scheduler.metrics.pending == 0
    plane.add_node("n1")
    _settle(plane)
    assert _keys(plane, keys.TASKS) == []


def test_when_room_appears_the_most_urgent_gets_it(plane: Plane) -> None:
    for number, (name, priority) in enumerate([("old", 0), ("urgent", 5), ("young", 0)]):
        spec = a_spec(memory="1Gi", priority=priority)
        plane.add_task(a_task(name, a_uid(number), spec, created=float(number)))
    _settle(plane)
    plane.add_node("n1", memory=GI)
    _settle(plane)
    plane.add_node("n2", memory=GI)
    _settle(plane)
    assert [plane.node_of(name) for name in ("urgent", "old", "young")] == ["n1", "n2", ""]


def test_nothing_it_reads_stops_it(plane: Plane) -> None:
    for key in (
        "tasks/default/bad",
        "nodes/n1/lease",
        "nodes/n2/spec",
        f"nodes/n3/assignments/{UID}",
        "nodes/n3/stats",
    ):
        plane.put(keys.ROOT + key, b'{"oops')
    plane.put(keys.status("n3", UID), b"\x00")
    plane.add_node("n4")
    plane.add_task(a_task("web", UID))
    _settle(plane)
    assert plane.node_of("web") == "n4"


def test_the_news_of_a_first_binding_is_no_work(plane: Plane) -> None:
    plane.add_node("n1")
    plane.add_task(a_task("web", UID))
    plane.pump()
    assert plane.scheduler.step()
    plane.pump()
    assert plane.cache.tasks[NamedKey("default", "web")].node == "n1"
    assert not plane.scheduler.step()


def test_its_own_writes_count_before_the_cache_shows_them(plane: Plane) -> None:
    plane.add_node("n1", memory=GI)
    for number, name in enumerate(("a", "b")):
        plane.add_task(a_task(name, a_uid(number), a_spec(memory="600Mi"), created=float(number)))
    plane.pump()
    plane.scheduler.step()
    assert plane.node_of("a") == "n1"
    # The cache has not been pumped since: as far as it knows the node is empty and both tasks are unbound.
    plane.scheduler.queue.add(NamedKey("default", "a"))
    plane.scheduler.queue.add(NamedKey("default", "b"))
    plane.scheduler.step()
    _settle(plane)
    binding = plane.task("a").binding
    assert binding is not None
    assert binding.epoch == 1
    assert plane.node_of("b") == ""
    assert plane.scheduler.metrics.conflicts == 0


def _overcommitted(plane: Plane) -> list[str]:
    found = []
    for name, node in plane.cache.nodes.items():
        usage = plane.cache.usage(name)
        capacity = node.lease.capacity if node.lease else None
        if capacity and (usage.cpu > capacity.cpu_millis or usage.memory > capacity.memory_bytes):
            found.append(name)
        found += [name for count in usage.ports.values() if count > 1]
    return found


moves = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 7), st.sampled_from([128, 256, 512, 900]), st.booleans()),
        st.tuples(st.just("change"), st.integers(0, 7), st.sampled_from([128, 256, 512, 900]), st.booleans()),
        st.tuples(st.just("end"), st.integers(0, 7), st.just(0), st.booleans()),
        st.tuples(st.just("step"), st.just(0), st.just(0), st.booleans()),
        st.tuples(st.just("pump"), st.just(0), st.just(0), st.booleans()),
    ),
    max_size=40,
)


@settings(max_examples=80)
@given(moves)
def test_capacity_is_never_exceeded_whatever_the_order(steps: list[tuple[str, int, int, bool]]) -> None:
    plane = Plane()
    for node in ("n1", "n2"):
        plane.add_node(node, memory=GI)
    plane.lead()
    for what, number, memory, port in steps:
        name, stored = f"t{number}", plane.store.get(keys.task("default", f"t{number}"))
        spec = a_spec(memory=f"{memory}Mi", host_ports=(80,) if port else ())
        if what == "add" and stored is None:
            plane.add_task(a_task(name, a_uid(number), spec))
        elif what == "change" and stored is not None:
            plane.add_task(msgspec.structs.replace(plane.task(name), spec=spec))
        elif what == "end" and stored is not None and plane.node_of(name):
            plane.report(name, TaskState.COMPLETED)
        elif what == "step":
            plane.scheduler.step()
        elif what == "pump":
            plane.informer.pump(0)
        fresh = Plane(clock=plane.clock, store=plane.store)
        fresh.pump()
        assert _overcommitted(fresh) == []
    _settle(plane)
    for record in plane.cache.tasks.values():
        if not record.node:
            assert demand_of(record.task.spec).memory >= 128 * MI


def test_the_fence_is_in_every_commit(plane: Plane) -> None:
    """A commit whose fence no longer holds writes nothing, whichever of the loops made it."""
    plane.add_node("n1")
    plane.add_task(a_task("web", UID))
    plane.pump()
    fence = plane.elector.fence()
    assert fence == Compare(plane.elector.key, "create", fence.revision)
    plane.store.commit([], [Put(plane.elector.key, b"x")])
    plane.delete(plane.elector.key)
    plane.put(plane.elector.key, b"another")
    plane.scheduler.step()
    assert plane.node_of("web") == ""
    assert not plane.scheduler.leading
