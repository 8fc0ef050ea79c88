"""A task that no node could ever hold: the nearest is named, and nothing is claimed where one may hold it some day."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controlplane.cluster import Demand
from controlplane.placement import NodeState
from controlplane.placement.quotas import Allowance
from controlplane.why import nearest_to_ever
from taskyard.objects import Taint
from tests.controlplane.placement.nodes import GI, a_node, a_snapshot

BIG = Demand(cpu=1000, memory=6 * GI, selector=(("zone", "a"),))


def near(*nodes: NodeState, demand: Demand = BIG) -> str:
    found = nearest_to_ever(a_snapshot(*nodes), demand)
    return found.text if found is not None else ""


def test_of_nodes_that_are_too_small_the_one_that_lacks_least_is_named_as_if_it_were_empty() -> None:
    full = Demand(cpu=4000, memory=4 * GI)
    small, near_by = a_node("n1", labels={"zone": "a"}), a_node("n2", memory=5 * GI, labels={"zone": "a"}, used=full)
    assert near(small, near_by) == "1Gi more memory on n2"


@pytest.mark.parametrize(
    "large",
    [
        pytest.param({"used": Demand(memory=8 * GI)}, id="full"),
        pytest.param({"cordoned": True}, id="cordoned"),
        pytest.param({"taints": (Taint(key="bad"),)}, id="tainted"),
        pytest.param({"stopping": True}, id="stopping"),
        pytest.param({"ready": False}, id="away, and its room is not known"),
    ],
)
def test_nothing_is_said_where_a_node_may_hold_it_some_day(large: dict[str, object]) -> None:
    other = a_node("n2", memory=8 * GI, labels={"zone": "a"}, **large)  # type: ignore[arg-type]
    assert near(a_node("n1"), other) == ""


def test_nothing_is_said_where_there_is_no_node() -> None:
    assert near() == ""


def test_labels_and_other_resources_count_as_well() -> None:
    gpus = Demand(generic=(("gpu", 2),), selector=(("zone", "a"),))
    one, none = a_node("n1", generic={"gpu": 1}, labels={"zone": "a"}), a_node("n2", generic={"gpu": 2})
    assert near(one, none, demand=gpus) in ("1 gpu more on n1", "label zone=a on n2")


def test_a_quota_that_it_alone_would_be_beyond_is_named() -> None:
    demand = Demand(memory=GI, namespace="shop")
    snapshot = replace(a_snapshot(a_node("n1", used=demand)), quotas={"shop": Allowance(memory=GI)})
    assert nearest_to_ever(snapshot, demand) is None
    less = replace(snapshot, quotas={"shop": Allowance(memory=GI // 2)})
    found = nearest_to_ever(less, demand)
    assert found is not None
    assert found.text == "a larger quota of namespace shop (would be memory 1Gi of 512Mi) on n1"
