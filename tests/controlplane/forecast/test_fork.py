"""A forecast: the cluster's own loops on a copy of it, with agents that obey; the cluster itself is left alone."""

from __future__ import annotations

from msgspec.structs import replace

from controlplane.forecast import Fork
from controlplane.forecast.agents import obey
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import Metadata, NodeSpec, TaskState, TaskStatus, decode, encode
from taskyard.store.api import Put
from tests.support.plane import Plane, a_spec, a_task, a_uid

WEB = NamedKey("default", "web")


def a_plane() -> Plane:
    plane = Plane()
    plane.add_node("n1")
    plane.add_node("n2")
    plane.lead()
    return plane


def test_what_waits_is_placed_and_runs_there_and_nothing_of_it_is_in_the_cluster() -> None:
    plane = a_plane()
    plane.add_task(a_task("web", a_uid(1), a_spec(memory="1Gi")))
    plane.pump()
    before = plane.store.list(keys.ROOT)
    fork = Fork(plane.cache, plane.clock.now())
    fork.settle()
    placed = fork.placed()[WEB]
    assert (placed.node, placed.epoch, placed.due) == ("n1", 1, False)
    entry = fork.store.get(keys.status("n1", a_uid(1)))
    assert entry is not None
    assert decode(entry.value, TaskStatus).state is TaskState.RUNNING
    assert plane.store.list(keys.ROOT) == before
    assert fork.revision == plane.cache.revision


def test_a_singleton_stops_on_its_node_before_it_is_placed_on_another() -> None:
    plane = a_plane()
    plane.add_task(a_task("web", a_uid(1), replace(a_spec(), singleton=True)))
    plane.settle(plane.scheduler)
    plane.report("web", TaskState.RUNNING)
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), cordoned=True))
    plane.pump()
    fork = Fork(plane.cache, plane.clock.now())
    fork.settle()
    assert fork.placed()[WEB].node == "n1", "a cordon moves nobody"
    changed = replace(plane.task("web"), spec=replace(a_spec(priority=1), singleton=True))
    fork.store.commit([], [Put(keys.task(*WEB), encode(changed))])
    fork.decide()
    assert fork.placed()[WEB].node == "n1", "its agent has not answered yet"
    fork.settle()
    placed = fork.placed()[WEB]
    assert (placed.node, placed.epoch, placed.due) == ("n2", 2, False)


def test_a_node_that_is_away_reports_nothing() -> None:
    plane = a_plane()
    plane.add_task(a_task("web", a_uid(1)))
    plane.settle(plane.scheduler)
    plane.delete(keys.node_lease("n1"))
    plane.pump()
    fork = Fork(plane.cache, plane.clock.now())
    assert not obey(fork.store, fork.cache, fork.clock.now())
    plane.add_node("n1")
    plane.pump()
    fork = Fork(plane.cache, plane.clock.now())
    assert obey(fork.store, fork.cache, fork.clock.now())
