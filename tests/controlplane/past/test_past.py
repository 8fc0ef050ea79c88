"""The cluster as it was: at a revision, what a transaction bound, and what each of its tasks had found."""

from __future__ import annotations

import pytest

from controlplane.past import bound_at, cluster_at, state_before
from controlplane.placement import SnapshotKeeper
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import Metadata, NodeSpec
from taskyard.store.api import Compacted, Put, RequestRefused
from taskyard.store.past import PastStore
from tests.support.plane import MI, Plane, a_spec, a_task, a_uid


@pytest.fixture
def plane() -> Plane:
    made = Plane()
    made.add_node("n1", memory=1024 * MI)
    made.add_node("n2", memory=1000 * MI)
    for number, name in enumerate(("a", "b", "c")):
        made.add_task(a_task(name, a_uid(number), a_spec(memory="300Mi"), created=number))
    made.lead()
    made.settle(made.scheduler)
    return made


def binding_revision(plane: Plane, name: str) -> int:
    entry = plane.store.get(keys.task("default", name))
    assert entry is not None
    return entry.mod_revision


def test_what_was_bound_together_is_told_in_turn_with_the_room_that_each_found(plane: Plane) -> None:
    revision = binding_revision(plane, "a")
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), cordoned=True))
    before = cluster_at(plane.store, revision - 1, plane.clock)
    bound = bound_at(plane.store, revision, before)
    assert [(one.want.key.name, one.binding.node) for one in bound] == [("a", "n1"), ("b", "n2"), ("c", "n1")]
    snapshot = SnapshotKeeper(before).take()
    assert not snapshot.nodes["n1"].facts.cordoned
    free = [
        {
            name: node.memory // MI
            for name, node in state_before(snapshot, bound, NamedKey("default", name)).nodes.items()
        }
        for name in ("a", "b", "c")
    ]
    assert free == [{"n1": 1024, "n2": 1000}, {"n1": 724, "n2": 1000}, {"n1": 724, "n2": 700}]


def test_a_label_changed_since_is_no_binding(plane: Plane) -> None:
    plane.add_task(plane.task("a"))
    revision = binding_revision(plane, "a")
    assert bound_at(plane.store, revision, cluster_at(plane.store, revision - 1, plane.clock)) == []


def test_what_was_compacted_is_not_made_up(plane: Plane) -> None:
    revision = binding_revision(plane, "a")
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), cordoned=True))
    plane.store.compact(revision + 1)
    with pytest.raises(Compacted):
        cluster_at(plane.store, revision - 1, plane.clock)


def test_the_past_cannot_be_written(plane: Plane) -> None:
    with pytest.raises(RequestRefused, match="as it was at revision 2"):
        PastStore(plane.store, 2).commit([], [Put("a", b"b")])
