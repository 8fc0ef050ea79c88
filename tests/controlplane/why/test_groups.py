"""Many nodes in few lines: equal reasons stand together, the nearest node first."""

from __future__ import annotations

from controlplane.cluster import Demand
from controlplane.placement import explain
from controlplane.why import grouped
from tests.controlplane.placement.nodes import GI, MI, a_node, a_snapshot


def test_a_thousand_nodes_read_as_four_lines() -> None:
    nodes = [
        a_node(f"n{i:04}", memory=(i + 1) * MI, cordoned=i % 10 == 0, labels={"zone": "b" if i % 3 else "a"})
        for i in range(1000)
    ]
    demand = Demand(memory=2000 * MI, selector=(("zone", "b"),))
    groups = grouped(explain(a_snapshot(*nodes), demand).nodes)
    assert [(len(group.nodes), group.text) for group in groups] == [
        (600, "too little memory (needs 1001Mi more, up to 1998Mi more)"),
        (300, "not matching the node selector (needs zone=b, has zone=a), "
              "too little memory (needs 1000Mi more, up to 1996Mi more)"),
        (66, "cordoned, too little memory (needs 1019Mi more, up to 1989Mi more)"),
        (34, "cordoned, not matching the node selector (needs zone=b, has zone=a), "
             "too little memory (needs 1009Mi more, up to 1999Mi more)"),
    ]  # fmt: skip
    assert groups[0].nodes[0] == "n0998"


def test_beyond_the_limit_the_rest_is_one_group_and_no_node_is_left_out() -> None:
    nodes = a_snapshot(
        a_node("a", cordoned=True),
        a_node("b", cordoned=True),
        a_node("c", memory=GI),
        a_node("d", cpu=1),
        a_node("e", disk=1),
        a_node("f"),
    )
    groups = grouped(explain(nodes, Demand(cpu=2, memory=2 * GI, disk=2)).nodes, 2)
    assert [(group.nodes, group.text) for group in groups] == [
        (("a", "b"), "cordoned"),
        (("c", "d", "e"), "3 other combinations of: too little cpu, too little memory, too little disk"),
    ]
