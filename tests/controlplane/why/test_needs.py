"""The smallest change is enough, and nothing less is: for any nodes and demand, by property."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from controlplane.cluster import Demand
from controlplane.cluster.demand import HostPortKey
from controlplane.cluster.rules import Affinity, Constraint, Neighbours, Rules
from controlplane.placement import FILTERS, NodeFacts, NodeState, explain
from controlplane.why import Need, smallest_changes
from controlplane.why.needs import _NEEDS
from taskyard.keys import NamedKey
from taskyard.objects import Taint
from tests.controlplane.placement.nodes import GI, MI, a_node, a_snapshot

_AWAY = {"ready", "runtime", "stopping"}
"""What nobody can change by an amount; how much more is needed then is not known."""

_ports = st.frozensets(st.sampled_from([HostPortKey("tcp", 80), HostPortKey("tcp", 81), HostPortKey("udp", 53)]))
_labels = st.dictionaries(st.sampled_from(["zone", "disk"]), st.sampled_from(["a", "b"]))
_taints = st.lists(
    st.sampled_from([Taint(key="gpu", value="x"), Taint(key="bad", effect="NoExecute")]), unique_by=lambda t: t.key
)


@st.composite
def nodes(draw: st.DrawFn, name: str) -> NodeState:
    used = Demand(
        cpu=draw(st.integers(0, 5000)), memory=draw(st.integers(0, 5 * GI)), ports=tuple(sorted(draw(_ports)))
    )
    return a_node(
        name,
        used=used,
        labels=draw(_labels),
        cordoned=draw(st.booleans()),
        ready=draw(st.integers(0, 9)) > 0,
        taints=tuple(draw(_taints)),
    )


demands = st.builds(
    Demand,
    cpu=st.integers(0, 5000),
    memory=st.integers(0, 5 * GI),
    disk=st.integers(0, 200 * GI),
    ports=_ports.map(lambda ports: tuple(sorted(ports))),
    selector=_labels.map(lambda labels: tuple(sorted(labels.items()))),
)


def changed(node: NodeState, need: Need) -> NodeState:
    """The node with just that need met."""
    facts: NodeFacts = node.facts
    match need.filter:
        case "cpu":
            return msgspec.structs.replace(node, cpu=node.cpu + need.amount)
        case "memory":
            return msgspec.structs.replace(node, memory=node.memory + need.amount)
        case "disk":
            return msgspec.structs.replace(node, disk=node.disk + need.amount)
        case "cordon":
            return msgspec.structs.replace(node, facts=replace(facts, cordoned=False))
        case "selector":
            pairs = dict(item.split("=") for item in need.items)
            return msgspec.structs.replace(node, facts=replace(facts, labels={**facts.labels, **pairs}))
        case "taints":
            left = tuple(t for t in facts.taints if f"{t.key}={t.value}:{t.effect}" not in need.items)
            return msgspec.structs.replace(node, facts=replace(facts, taints=left))
        case "ports":
            left_ports = frozenset(p for p in node.ports if f"{p.port}/{p.protocol}" not in need.items)
            return msgspec.structs.replace(node, ports=left_ports)
    raise AssertionError(need.filter)


def a_unit_less(need: Need) -> list[Need]:
    """Every way to do a little less of it."""
    if need.amount:
        return [replace(need, amount=need.amount - 1)]
    return [replace(need, items=tuple(i for i in need.items if i != item)) for item in need.items]


@given(nodes("n1"), demands)
def test_the_change_is_enough_and_no_less_is(node: NodeState, demand: Demand) -> None:
    snapshot = a_snapshot(node)
    for change in smallest_changes(snapshot, demand, explain(snapshot, demand)):
        if _AWAY & {need.filter for need in change.needs}:
            continue
        for index, need in enumerate(change.needs):
            others = [each for at, each in enumerate(change.needs) if at != index]
            for less in [*a_unit_less(need), None]:
                lacking = node
                for each in [*others, *([less] if less else [])]:
                    lacking = changed(lacking, each)
                assert not explain(a_snapshot(lacking), demand).fitting, (need, less)
        enough = node
        for need in change.needs:
            enough = changed(enough, need)
        assert explain(a_snapshot(enough), demand).fitting, change


_volumes = st.dictionaries(st.sampled_from(["data", "logs", "old"]), st.sampled_from(["n1", "n2"]))


@given(_volumes)
def test_the_data_that_a_task_needs_is_named_and_no_other(homes: dict[str, str]) -> None:
    demand = Demand(namespace="default", rules=Rules(volumes=("data", "logs")))
    snapshot = replace(a_snapshot(a_node("n1")), volumes={NamedKey("default", name): at for name, at in homes.items()})
    changes = smallest_changes(snapshot, demand, explain(snapshot, demand))
    missing = [name for name in ("data", "logs") if homes.get(name) == "n2"]
    said = [need.text for change in changes for need in change.needs]
    assert said == ([f"the data of volume {', '.join(missing)}"] if missing else [])
    for left in range(len(missing) + 1):
        moved = {NamedKey("default", name): "n1" for name in missing[left:]}
        there = replace(snapshot, volumes={**snapshot.volumes, **moved})
        assert bool(explain(there, demand).fitting) == (left == 0)


def test_every_filter_has_a_need_of_its_own() -> None:
    assert {rule.name for rule in FILTERS} == _NEEDS.keys()


def test_rules_about_other_tasks_say_what_would_help() -> None:
    demand = Demand(
        namespace="default",
        labels=(("app", "web"),),
        rules=Rules(
            constraints=(Constraint("disk", "=", ("ssd",)),),
            affinities=(Affinity(Neighbours((("app", "web"),)), apart=True),),
            max_per_node=1,
        ),
    )
    snapshot = a_snapshot(a_node("n1", used=Demand(namespace="default", labels=(("app", "web"),))))
    (change,) = smallest_changes(snapshot, demand, explain(snapshot, demand))
    assert change.text == "disk=ssd and no tasks with app=web on it and 1 such task less on n1"


def test_they_are_ranked_by_how_small_they_are() -> None:
    snapshot = a_snapshot(
        a_node("n1", ready=False),
        a_node("n2", memory=GI, cordoned=True),
        a_node("n3", memory=4 * GI, used=Demand(memory=3 * GI + 256 * MI)),
        a_node("n4", labels={"zone": "a"}),
        a_node("n5", labels={"zone": "b"}, memory=768 * MI),
    )
    demand = Demand(memory=GI, selector=(("zone", "b"),))
    found = smallest_changes(snapshot, demand, explain(snapshot, demand))
    assert [change.text for change in found] == [
        "256Mi more memory on n5",
        "label zone=b on n4",
        "label zone=b and 256Mi more memory on n3",
        "an uncordon and label zone=b on n2",
        "its agent back (how much room it has is known then) and label zone=b on n1",
    ]
