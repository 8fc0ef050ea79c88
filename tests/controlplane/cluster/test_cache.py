"""The cache: what it knows, what it sets aside, what it counts, and what it tells."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from controlplane.cluster import CacheChange, reading
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import Assignment, Metadata, NodeAnchor, NodeSpec, NodeStats, TaskState, TaskStatus, encode
from tests.support.plane import GI, Plane, a_spec, a_task, a_uid

UID = a_uid(1)
WEB = NamedKey("default", "web")


@pytest.fixture
def plane() -> Plane:
    return Plane()


def _assign(plane: Plane, node: str, uid: str = UID, *, epoch: int = 1, memory: str = "1Gi", port: int = 80) -> None:
    spec = a_spec(cpu="500m", memory=memory, host_ports=(port,))
    value = Assignment(uid=uid, namespace="default", name="web", epoch=epoch, spec_hash="h", spec=spec)
    plane.put(keys.assignment(node, uid), value)


def _status(plane: Plane, node: str, state: TaskState, *, epoch: int = 1) -> None:
    plane.put(keys.status(node, UID), TaskStatus(uid=UID, namespace="default", name="web", epoch=epoch, state=state))


def test_an_agents_mark_is_its_own_and_makes_no_node(plane: Plane) -> None:
    plane.put(keys.node_anchor("n1"), NodeAnchor(host_id="h", count=3))
    plane.pump()
    assert (plane.cache.quarantined, plane.cache.nodes) == ({}, {})


def test_a_task_is_found_by_key_and_by_uid_until_it_goes(plane: Plane) -> None:
    plane.add_task(a_task("web", UID))
    plane.pump()
    record = plane.cache.tasks[WEB]
    assert plane.cache.by_uid(UID) is record
    assert record.key == WEB
    assert record.entry == plane.store.get(keys.task("default", "web"))
    plane.delete(keys.task("default", "web"))
    plane.pump()
    assert WEB not in plane.cache.tasks
    assert plane.cache.by_uid(UID) is None


def test_of_two_tasks_with_one_uid_the_older_owns_it(plane: Plane) -> None:
    plane.add_task(a_task("web", UID))
    plane.add_task(a_task("copy", UID))
    plane.pump()
    owner = plane.cache.by_uid(UID)
    assert owner is not None
    assert owner.key == WEB
    plane.delete(keys.task("default", "web"))
    plane.pump()
    owner = plane.cache.by_uid(UID)
    assert owner is not None
    assert owner.key.name == "copy"


LEASE = b'{"incarnation":"a","hostId":"h","address":"a:1","capacity":{},"ttl":%s}'


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        pytest.param("tasks/default/web", b"{", "", id="task that is not JSON"),
        pytest.param("tasks/default/web", b"\xff\xfe", "", id="task that is not UTF-8"),
        pytest.param("tasks/default/web", b"", "", id="task without a value"),
        pytest.param("tasks/default/web", b"[" * 100_000, "", id="task nested 100,000 deep"),
        pytest.param("tasks/default/web", encode(a_task("other", UID)), "other", id="task of another name"),
        pytest.param("tasks/default/web", encode(a_task("web", "X/../Y")), "uid", id="task whose uid is a path"),
        pytest.param(
            "tasks/default/web",
            encode(a_task("web", UID, a_spec(memory="512Q"))),
            "512Q",
            id="task with a bad quantity",
        ),
        pytest.param(
            "tasks/default/web",
            encode(replace(a_task("web", UID), metadata=Metadata(name="web", uid=UID, created_at="2026-11-26"))),
            "metadata.createdAt",
            id="task with a day for the moment of its making",
        ),
        pytest.param("runs/default/a", b'{"jobUid":"%s","again":{"0-4":{"at":""}}}' % UID.encode(), "again", id="run"),
        pytest.param("runs/default/a", b'{"jobUid":"%s","next":2000000000}' % UID.encode(), "next", id="run too far"),
        pytest.param(
            "tasks/web", encode(a_task("web", UID)), "tasks/<namespace>/<name>", id="task without a namespace"
        ),
        pytest.param("tasks/a/b/c", b"{}", "tasks/<namespace>/<name>", id="task key too deep"),
        pytest.param("nodes/n1/lease", b"{}", "incarnation", id="lease without its fields"),
        pytest.param("nodes/n1/lease", LEASE % b"0", "ttl: 0 is not", id="lease of no time"),
        pytest.param("nodes/n1/lease", LEASE % b"1e300", "ttl: 1e+300 is not", id="lease for ever"),
        pytest.param("nodes/n1/spec", b"null", "", id="node spec that is null"),
        pytest.param("nodes/n1/spec", encode(NodeSpec(metadata=Metadata(name="n2"))), "n2", id="spec of another node"),
        pytest.param(f"nodes/n1/assignments/{UID}", b"[]", "", id="assignment that is a list"),
        pytest.param(f"nodes/n1/status/{UID}", b'{"uid":1}', "", id="status with a number for its uid"),
        pytest.param("nodes/n1/what", b"{}", "one of a node's keys", id="unknown part of a node"),
        pytest.param("nodes/", b"{}", "one of a node's keys", id="node without a name"),
    ],
)
def test_an_invalid_value_is_set_aside_with_the_reason_until_it_changes(
    plane: Plane, key: str, value: bytes, says: str
) -> None:
    told: list[CacheChange] = []
    plane.cache.on_change(told.extend)
    whole = keys.ROOT + key
    plane.put(whole, value)
    plane.pump()
    assert says in plane.cache.quarantined[whole]
    assert [c.key for c in told if c.kind == "quarantine"] == [whole]
    assert not plane.cache.tasks
    assert plane.cache.assignment(UID) is None
    assert plane.cache.status(UID) is None
    told.clear()
    plane.delete(whole)
    plane.pump()
    assert not plane.cache.quarantined
    assert [c.key for c in told if c.kind == "quarantine"] == [whole]


def test_a_fault_in_a_reader_costs_one_value_not_the_batch(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: object) -> None:
        raise IndexError("tuple index out of range")

    monkeypatch.setattr(reading, "read_lease", faulty)
    plane.add_node("n1")
    plane.add_task(a_task("web", UID))
    plane.pump()
    assert WEB in plane.cache.tasks
    assert plane.cache.quarantined == {keys.node_lease("n1"): "it cannot be read: IndexError: tuple index out of range"}


def test_a_value_that_turns_bad_is_not_used_in_its_old_form(plane: Plane) -> None:
    plane.add_node("n1")
    plane.pump()
    assert plane.cache.nodes["n1"].ready
    plane.put(keys.node_lease("n1"), b"oops")
    plane.pump()
    assert not plane.cache.nodes["n1"].ready
    plane.add_node("n1")
    plane.pump()
    assert plane.cache.nodes["n1"].ready
    assert not plane.cache.quarantined


def test_other_keys_are_nobody_s_business(plane: Plane) -> None:
    for key in ("events/default/x", "leader/scheduler", "elsewhere/default/web"):
        plane.put(keys.ROOT + key, b"{")
    plane.pump()
    assert not plane.cache.quarantined


def test_a_node_joins_what_operator_and_agent_say(plane: Plane) -> None:
    plane.add_node("n1")
    spec = NodeSpec(metadata=Metadata(name="n1"), labels={"zone": "a"}, cordoned=True)
    plane.set_node(spec)
    plane.put(keys.node_stats("n1"), NodeStats(at="now", cpu_millis=7))
    plane.pump()
    node = plane.cache.nodes["n1"]
    lease, stored = plane.store.get(keys.node_lease("n1")), plane.store.get(keys.node_spec("n1"))
    assert lease is not None
    assert stored is not None
    assert (node.lease_create_revision, node.spec_revision) == (lease.create_revision, stored.mod_revision)
    assert (node.spec, node.labels) == (spec, {"zone": "a"})
    assert node.stats is not None
    assert node.stats.cpu_millis == 7
    plane.put(keys.node_stats("n1"), b"junk")
    plane.delete(keys.node_lease("n1"))
    plane.pump()
    node = plane.cache.nodes["n1"]
    assert (node.ready, node.lease_create_revision, node.stats) == (False, 0, None)


def test_a_lost_node_is_there_while_its_tasks_records_are(plane: Plane) -> None:
    plane.add_node("n1")
    _assign(plane, "n1")
    plane.pump()
    plane.delete(keys.node_lease("n1"))
    plane.pump()
    assert not plane.cache.nodes["n1"].ready
    plane.delete(keys.assignment("n1", UID))
    plane.pump()
    assert "n1" not in plane.cache.nodes


def test_an_assignment_counts_from_its_writing_until_its_status_is_terminal(plane: Plane) -> None:
    _assign(plane, "n1")
    plane.pump()
    usage = plane.cache.usage("n1")
    assert (usage.cpu, usage.memory, list(usage.ports)) == (500, GI, [("tcp", 80)])
    _status(plane, "n1", TaskState.RUNNING)
    plane.pump()
    assert plane.cache.usage("n1").memory == GI
    _status(plane, "n1", TaskState.FAILED)
    plane.pump()
    assert (plane.cache.usage("n1").memory, plane.cache.usage("n1").ports) == (0, {})
    _assign(plane, "n1", epoch=2, memory="2Gi")
    plane.pump()
    assert plane.cache.usage("n1").memory == 2 * GI, "the new epoch has not ended"
    plane.delete(keys.assignment("n1", UID))
    plane.pump()
    assert plane.cache.usage("n1").memory == 0


def test_two_holders_of_one_port_both_have_to_go(plane: Plane) -> None:
    _assign(plane, "n1")
    _assign(plane, "n1", a_uid(2))
    plane.delete(keys.assignment("n1", UID))
    plane.pump()
    assert ("tcp", 80) in plane.cache.usage("n1").ports


def test_assignment_and_status_are_those_on_the_node_that_the_task_is_bound_to(plane: Plane) -> None:
    plane.add_node("n2")
    plane.add_task(a_task("web", UID))
    plane.lead()
    plane.settle(plane.scheduler)
    for node in ("n1", "n3"):
        _assign(plane, node)
        _status(plane, node, TaskState.RUNNING)
    plane.report("web", TaskState.STARTING)
    plane.pump()
    held, status = plane.cache.assignment(UID), plane.cache.status(UID)
    assert held is not None
    assert status is not None
    assert (held.node, status.node, status.status.state) == ("n2", "n2", TaskState.STARTING)
    assert sorted(plane.cache.assignments_of(UID)) == ["n1", "n2", "n3"]
    assert [r.key for r in plane.cache.bound_to("n2")] == [WEB]
    assert plane.cache.placed_as(WEB) == {UID}


def test_subscribers_hear_once_per_batch_after_all_of_it_was_applied(plane: Plane) -> None:
    plane.add_node("n1")
    plane.add_task(a_task("web", UID))
    plane.lead()
    heard: list[list[tuple[str, str, NamedKey | None, str]]] = []

    def hear(changes: Sequence[CacheChange]) -> None:
        assert plane.cache.assignment(UID) is not None
        assert plane.cache.tasks[WEB].node == "n1"
        heard.append([(c.kind, c.key, c.task, c.node) for c in changes])

    plane.cache.on_change(hear)
    plane.scheduler.step()
    plane.pump()
    assert sorted(heard[0]) == [("assignment", UID, WEB, "n1"), ("task", "web", WEB, "n1")]
    assert len(heard) == 1


def test_a_subscriber_that_fails_keeps_nothing_from_the_others(plane: Plane) -> None:
    heard: list[str] = []

    def fail(_changes: Sequence[CacheChange]) -> None:
        raise ValueError("a fault of ours")

    plane.cache.on_change(fail)
    plane.cache.on_change(lambda changes: heard.extend(change.key for change in changes))
    plane.add_task(a_task("web", UID))
    with pytest.raises(ValueError, match="a fault of ours"):
        plane.pump()
    assert heard == ["web"]


def test_what_is_told_of_a_node_says_whether_there_is_other_room_on_it(plane: Plane) -> None:
    plane.pump()
    told: list[tuple[str, bool]] = []
    plane.cache.on_change(lambda changes: told.extend((change.kind, change.room) for change in changes))
    _assign(plane, "n1")
    _status(plane, "n1", TaskState.STARTING)
    _status(plane, "n1", TaskState.RUNNING)
    _status(plane, "n1", TaskState.COMPLETED)
    _status(plane, "n2", TaskState.COMPLETED)
    plane.delete(keys.assignment("n1", UID))
    plane.pump()
    assert told == [
        ("assignment", True),
        ("status", False),
        ("status", False),
        ("status", True),
        ("status", True),  # The node has come with it.
        ("assignment", False),
    ]
