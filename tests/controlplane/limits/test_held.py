"""Tasks beyond their namespace's limits that came past admission: they wait, say why, and stop nothing that runs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from controlplane.placement import PendingReasons
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import Metadata, Namespace, NamespaceSpec, Network, SizeRange, TaskLimits, TaskState, key_of
from tests.support.plane import Plane, a_spec, a_task, a_uid


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    plane.add_node("n1")
    return plane


def settle(plane: Plane) -> None:
    plane.settle(plane.scheduler, plane.tasks)


def allow(plane: Plane, memory: str) -> None:
    limits = TaskLimits(memory=SizeRange(max=memory))
    value = Namespace(metadata=Metadata(name="default"), spec=NamespaceSpec(limits=limits))
    plane.put(keys.object_key(key_of(value)), value)
    settle(plane)


def test_one_put_by_hand_waits_and_goes_on_when_the_limits_allow_it(plane: Plane) -> None:
    allow(plane, "256Mi")
    plane.add_task(a_task("web", a_uid(1), a_spec(memory="512Mi")))
    settle(plane)
    assert plane.node_of("web") == ""
    with plane.cache.lock:
        waiting = PendingReasons(plane.cache, plane.clock)(plane.cache.tasks[NamedKey("default", "web")])
    assert waiting.reason == "BeyondLimits"
    assert "namespace default: spec.resources.memory is 512Mi, more than 256Mi; change that" in waiting.message
    assert [each.message for each in plane.told("BeyondLimits")] == [waiting.message]
    allow(plane, "512Mi")
    assert plane.node_of("web") == "n1"


def test_one_that_loosens_its_container_waits_where_no_namespace_is_declared(plane: Plane) -> None:
    spec = replace(a_spec(), network=Network(mode="host"))
    plane.add_task(a_task("web", a_uid(1), spec))
    settle(plane)
    assert plane.node_of("web") == ""
    (told,) = plane.told("BeyondLimits")
    assert "spec.network.mode is host, which is not allowed" in told.message
    limits = TaskLimits(host_network=True)
    value = Namespace(metadata=Metadata(name="default"), spec=NamespaceSpec(limits=limits))
    plane.put(keys.object_key(key_of(value)), value)
    settle(plane)
    assert plane.node_of("web") == "n1"


def test_what_runs_is_left_alone_and_keeps_its_spec(plane: Plane) -> None:
    task = a_task("web", a_uid(1), a_spec(memory="512Mi"))
    plane.add_task(task)
    settle(plane)
    plane.report("web", TaskState.RUNNING)
    before = plane.assignment("n1", a_uid(1))
    allow(plane, "256Mi")
    assert plane.assignment("n1", a_uid(1)) == before
    bound = plane.cache.tasks[NamedKey("default", "web")].task
    plane.add_task(replace(bound, spec=a_spec(memory="1Gi")))
    settle(plane)
    assert plane.assignment("n1", a_uid(1)) == before
    plane.add_task(replace(bound, spec=a_spec(memory="256Mi")))
    settle(plane)
    after = plane.assignment("n1", a_uid(1))
    assert after is not None
    assert before is not None
    assert after.epoch > before.epoch
