"""What an explanation says: each filter alone, all of them together, and the one line."""

from __future__ import annotations

import pytest

from controlplane.cluster import Demand
from controlplane.cluster.demand import HostPortKey
from controlplane.placement import Held, NodeState, explain
from taskyard.objects import Taint
from tests.controlplane.placement.nodes import GI, MI, a_node, a_snapshot


@pytest.mark.parametrize(
    ("node", "demand", "line"),
    [
        pytest.param(a_node("n1", ready=False), Demand(memory=99 * GI), "1 not ready (n1)", id="not ready"),
        pytest.param(
            a_node("n1", stopping=True), Demand(), "1 with an agent that is being stopped (n1)", id="agent stopping"
        ),
        pytest.param(a_node("n1", cordoned=True), Demand(), "1 cordoned (n1)", id="cordoned"),
        pytest.param(
            a_node("n1", taints=(Taint(key="gpu", value="a100"),)),
            Demand(),
            "1 tainted (n1 gpu=a100:NoSchedule)",
            id="taint NoSchedule",
        ),
        pytest.param(
            a_node("n1", taints=(Taint(key="bad", effect="NoExecute"),)),
            Demand(),
            "1 tainted (n1 bad=:NoExecute)",
            id="taint NoExecute",
        ),
        pytest.param(
            a_node("n1", labels={"zone": "a"}),
            Demand(selector=(("disk", "ssd"), ("zone", "b"))),
            "1 not matching the node selector (n1 needs disk=ssd, zone=b, has zone=a)",
            id="selector",
        ),
        pytest.param(
            a_node("n1", cpu=1000, used=Demand(cpu=750)),
            Demand(cpu=500),
            "1 too little cpu (n1 needs 250m more)",
            id="cpu",
        ),
        pytest.param(
            a_node("n1", memory=GI),
            Demand(memory=GI + 256 * MI),
            "1 too little memory (n1 needs 256Mi more)",
            id="memory",
        ),
        pytest.param(
            a_node("n1", memory=GI),
            Demand(memory=GI + MI + 1),
            "1 too little memory (n1 needs 2Mi more)",
            id="memory, rounded up",
        ),
        pytest.param(a_node("n1", disk=GI), Demand(disk=3 * GI), "1 too little disk (n1 needs 2Gi more)", id="disk"),
        pytest.param(
            a_node("n1", used=Demand(ports=(HostPortKey("tcp", 80), HostPortKey("udp", 53)))),
            Demand(ports=(HostPortKey("tcp", 80), HostPortKey("tcp", 81), HostPortKey("udp", 53))),
            "1 with a host port taken (n1 80/tcp, 53/udp taken)",
            id="ports",
        ),
    ],
)
def test_each_filter_explains_itself(node: NodeState, demand: Demand, line: str) -> None:
    assert explain(a_snapshot(node), demand).message == f"0 of 1 node fits: {line}"


def test_the_line_groups_by_reason_and_names_the_nearest_first() -> None:
    nodes = a_snapshot(
        a_node("n2", memory=GI), a_node("n1", memory=2 * GI - 256 * MI), a_node("n3", memory=8 * GI, cordoned=True)
    )
    assert explain(nodes, Demand(memory=2 * GI)).message == (
        "0 of 3 nodes fit: 2 too little memory (n1 needs 256Mi more, n2 needs 1Gi more), 1 cordoned (n3)"
    )


def test_a_node_names_all_that_is_in_the_way_there() -> None:
    node = a_node("n1", cpu=100, memory=MI, cordoned=True, labels={})
    (verdict,) = explain(a_snapshot(node), Demand(cpu=200, memory=2 * MI, selector=(("a", "b"),))).nodes
    assert [(f.filter, f.short) for f in verdict.failures] == [
        ("cordon", 0),
        ("selector", 0),
        ("cpu", 100),
        ("memory", MI),
    ]


def test_many_nodes_read_as_few() -> None:
    nodes = a_snapshot(*(a_node(f"n{i:04}", memory=(i + 1) * MI) for i in range(1000)))
    assert explain(nodes, Demand(memory=2000 * MI)).message == (
        "0 of 1000 nodes fit: 1000 too little memory "
        "(n0999 needs 1000Mi more, n0998 needs 1001Mi more, n0997 needs 1002Mi more, and 997 more)"
    )


def test_what_is_said_of_many_nodes_is_said_once() -> None:
    zones = {f"n{i:04}": "ab"[i >= 4] for i in range(1000)}
    nodes = a_snapshot(*(a_node(name, labels={"zone": zone}, cordoned=name < "n0002") for name, zone in zones.items()))
    assert explain(nodes, Demand(selector=(("zone", "c"),))).message == (
        "0 of 1000 nodes fit: 1000 not matching the node selector (needs zone=c, has zone=a: n0000, n0001, n0002, and"
        " 1 more; needs zone=c, has zone=b: n0004, n0005, n0006, and 993 more), 2 cordoned (n0000, n0001)"
    )
    assert explain(nodes, Demand(generic=(("gpu", 2),))).message == (
        "0 of 1000 nodes fit: 1000 too little of other resources (needs 2 gpu more), 2 cordoned (n0000, n0001)"
    )


def test_no_nodes_at_all() -> None:
    assert explain(a_snapshot(), Demand()).message.startswith("0 of 0 nodes fit: no node has joined")


def test_where_it_would_fit_the_best_comes_first() -> None:
    found = explain(
        a_snapshot(a_node("n1", used=Demand(cpu=1000)), a_node("n2"), a_node("n3", cordoned=True)), Demand()
    )
    assert [verdict.node for verdict in found.fitting] == ["n2", "n1"]
    assert found.message == "2 of 3 nodes fit: best n2, 1 cordoned (n3)"


def test_what_a_task_holds_is_room_for_itself() -> None:
    held = Demand(memory=GI)
    nodes = a_snapshot(a_node("n1", memory=GI, used=held))
    assert explain(nodes, Demand(memory=GI), current="n1", held=Held("n1", held)).fitting
    assert "needs 1Gi more" in explain(nodes, Demand(memory=2 * GI), current="n1", held=Held("n1", held)).message
