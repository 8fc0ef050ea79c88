"""What is said to help where other tasks, conditions, quotas or attributes are in the way: it helps, and less does not.

The tasks that are there hold no amounts, and count for one rule each, so that taking one away helps only with that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from controlplane.cluster import Demand
from controlplane.cluster.demand import HostPortKey
from controlplane.cluster.rules import Affinity, Constraint, Labels, Neighbours, Rules, Spread
from controlplane.placement import Held, NodeState, Snapshot, explain
from controlplane.placement.quotas import Allowance
from controlplane.why import Change, smallest_changes
from taskyard.objects import CONDITION_TAINTS, NODE_NAME, Taint
from taskyard.quantity import byte_count, cpu_millis
from tests.controlplane.placement.nodes import GI, MI, a_node, a_snapshot

WEB, DB = (("app", "web"),), (("app", "db"),)
_AWAY = Affinity(Neighbours(WEB, "zone"), apart=True)
_SHY = Demand(namespace="default", labels=(("app", "shy"),), rules=Rules(affinities=(_AWAY,)))
tenants = st.lists(
    st.sampled_from([*(Demand(namespace="default", labels=labels) for labels in (WEB, WEB, DB)), _SHY]), max_size=4
).map(tuple)
zones = st.sampled_from([{}, {"zone": "a"}, {"zone": "b"}])
clusters = st.lists(st.tuples(zones, tenants), min_size=1, max_size=4).map(
    lambda found: a_snapshot(
        *(a_node(f"n{at}", labels=labels, tenants=mine) for at, (labels, mine) in enumerate(found, 1))
    )
)
neighbours = st.builds(Neighbours, st.sampled_from([WEB, DB, ()]), st.sampled_from([NODE_NAME, "zone"]))
rules = st.one_of(
    st.builds(lambda which, apart: Rules(affinities=(Affinity(which, apart),)), neighbours, st.booleans()),
    st.builds(lambda which, skew: Rules(spreads=(Spread(which, skew),)), neighbours, st.integers(1, 2)),
    st.builds(lambda most: Rules(max_per_node=most), st.integers(1, 3)),
)
demands = st.builds(Demand, namespace=st.just("default"), labels=st.sampled_from([WEB, DB]), rules=rules)

_WHOM = r"tasks? (?:with app=(?P<app>\w+)|of any kind)"
_WHERE = r"(?:on it|in its (?P<topology>\w+)|in (?P<part>\w+)=\w+)"
Step = Callable[[Snapshot], Snapshot]


def _with(snapshot: Snapshot, node: NodeState) -> Snapshot:
    return replace(snapshot, nodes={**snapshot.nodes, node.facts.name: node})


def _labelled(snapshot: Snapshot, node: str, key: str, value: str) -> Snapshot:
    state = snapshot.nodes[node]
    facts = replace(state.facts, labels={**state.facts.labels, key: value})
    return _with(snapshot, msgspec.structs.replace(state, facts=facts))


def _near(snapshot: Snapshot, node: str, topology: str | None) -> list[str]:
    """The nodes of its part of the cluster."""
    own = snapshot.nodes[node].facts
    if topology is None:
        return [node]
    return [name for name, state in snapshot.nodes.items() if state.facts.labels.get(topology) == own.labels[topology]]


def _without(snapshot: Snapshot, names: list[str], counts: Callable[[Demand], bool], most: int) -> Snapshot:
    """So many tasks less, or all that there are."""
    for name in names:
        for tenant in snapshot.nodes[name].tenants:
            if counts(tenant) and most > 0:
                snapshot, most = _with(snapshot, snapshot.nodes[name].released(tenant)), most - 1
    return snapshot


def _selected(app: str | None) -> Callable[[Demand], bool]:
    return lambda tenant: app is None or tenant.labels == (("app", app),)


def _labels(app: str | None) -> Labels:
    return (("app", app or "other"),)


def carried_out(text: str, node: str, demand: Demand, before: Snapshot) -> tuple[Step, Step | None]:
    """What the words say, done to a cluster; and a little less than that, where there is such a thing."""
    if found := re.fullmatch(rf"no {_WHOM} {_WHERE}", text):
        names, counts = _near(before, node, found["topology"]), _selected(found["app"])
        there = sum(counts(tenant) for name in names for tenant in before.nodes[name].tenants)
        return lambda s: _without(s, names, counts, there), lambda s: _without(s, names, counts, there - 1)
    if found := re.fullmatch(rf"no task there that keeps away from {_WHOM}", text):
        names = _near(before, node, "zone")
        keeps = sum(bool(tenant.rules.affinities) for name in names for tenant in before.nodes[name].tenants)
        return (
            lambda s: _without(s, names, lambda tenant: bool(tenant.rules.affinities), keeps),
            lambda s: _without(s, names, lambda tenant: bool(tenant.rules.affinities), keeps - 1),
        )
    if found := re.fullmatch(rf"(\d+) {_WHOM} less {_WHERE}", text):
        less, names, counts = int(found[1]), _near(before, node, found["part"]), _selected(found["app"])
        return lambda s: _without(s, names, counts, less), lambda s: _without(s, names, counts, less - 1)
    if found := re.fullmatch(r"(\d+) such tasks? less", text):
        less, own = int(found[1]), _selected(demand.labels[0][1])
        return lambda s: _without(s, [node], own, less), lambda s: _without(s, [node], own, less - 1)
    if found := re.fullmatch(rf"{_WHOM} {_WHERE}", text):
        more = Demand(namespace="default", labels=_labels(found["app"]))
        return lambda s: _with(s, s.nodes[node].charged(more)), None
    if found := re.fullmatch(rf"a label (\w+) that it shares with {_WHOM}", text):
        more = Demand(namespace="default", labels=_labels(found["app"]))
        new = before.nodes[node].charged(more)
        return lambda s: _labelled(_with(s, new), node, found[1], "new"), None
    if found := re.fullmatch(rf"a label (\w+) that it shares with fewer than (\d+) {_WHOM}", text):
        few = [
            value
            for value in ("a", "b", "new")
            if sum(
                _selected(found["app"])(tenant)
                for state in before.nodes.values()
                if state.facts.labels.get(found[1]) == value or state.facts.name == node
                for tenant in state.tenants
            )
            < int(found[2])
        ]
        return (
            lambda s: (
                _labelled(s, node, found[1], few[-1])
                if few
                else _without(_labelled(s, node, found[1], "new"), [node], _selected(found["app"]), 99)
            ),
            None,
        )
    if found := re.fullmatch(r"a label (\w+)", text):
        return lambda s: _labelled(s, node, found[1], "new"), None
    raise AssertionError(text)


def _takes(snapshot: Snapshot, demand: Demand, node: str) -> bool:
    return any(verdict.node == node for verdict in explain(snapshot, demand).fitting)


def _has_shy(snapshot: Snapshot) -> bool:
    return any(_SHY in node.tenants for node in snapshot.nodes.values())


def _all_in_zones(snapshot: Snapshot) -> bool:
    """A task that keeps others out of its zone does so only where there is one: labelling its node is no help."""
    return all("zone" in node.facts.labels for node in snapshot.nodes.values() if _SHY in node.tenants)


def _changes(snapshot: Snapshot, demand: Demand) -> list[Change]:
    return smallest_changes(snapshot, demand, explain(snapshot, demand))


@settings(max_examples=600)
@given(clusters, demands)
def test_what_other_tasks_keep_it_from_is_what_helps(snapshot: Snapshot, demand: Demand) -> None:
    rules = demand.rules
    assume(all(rule.neighbours.selector for rule in (*rules.affinities, *rules.spreads)) or not _has_shy(snapshot))
    assume(_all_in_zones(snapshot))
    for change in _changes(snapshot, demand):
        steps = [carried_out(item, change.node, demand, snapshot) for need in change.needs for item in need.items]
        done = snapshot
        for whole, _ in steps:
            done = whole(done)
        assert _takes(done, demand, change.node), change.text
        for at, (_, less) in enumerate(steps):
            nearly = snapshot
            for other, (whole, _) in enumerate(steps):
                if other != at:
                    nearly = whole(nearly)
            if less is not None:
                nearly = less(nearly)
            assert not _takes(nearly, demand, change.node), (change.text, at)


_quotas = st.builds(
    Allowance,
    cpu=st.none() | st.integers(1, 3).map(lambda cores: cores * 500),
    memory=st.none() | st.integers(1, 3).map(lambda count: count * 300 * MI),
    tasks=st.none() | st.integers(0, 3),
)


@given(_quotas, st.integers(0, 3), st.integers(0, 2000), st.integers(0, 2 * GI))
def test_a_quota_of_just_what_is_said_would_do(quota: Allowance, there: int, cpu: int, memory: int) -> None:
    held = Demand(cpu=250, memory=100 * MI, namespace="default")
    demand = Demand(cpu=cpu, memory=memory, namespace="default")
    snapshot = replace(a_snapshot(a_node("n1", tenants=(held,) * there)), quotas={"default": quota})
    for change in _changes(snapshot, demand):
        (need,) = change.needs
        said = {
            name: {"cpu": cpu_millis, "memory": byte_count, "tasks": int}[name](amount)
            for name, amount in re.findall(r"(\w+) (\S+) of", need.text.partition("(would be ")[2])
        }
        assert _takes(replace(snapshot, quotas={"default": quota._replace(**said)}), demand, "n1"), need.text
        for name, amount in said.items():
            less = {"default": quota._replace(**{**said, name: amount - 1})}
            assert not _takes(replace(snapshot, quotas=less), demand, "n1"), (need.text, name)


_SATISFIES = {
    Constraint("zone", "=", ("a",)): "a",
    Constraint("zone", "!=", ("x",)): "b",
    Constraint("zone", "in", ("c", "d")): "d",
    Constraint("zone", "exists"): "a",
    Constraint("disk", "not in", ("hdd", "tape")): "ssd",
    Constraint("disk", "regexp", ("ss.",)): "ssd",
    Constraint("kernel", "version", (">= 6",)): "6.1",
    Constraint("slots", ">", ("8",)): "9",
}


@given(
    st.lists(st.sampled_from(list(_SATISFIES)), unique_by=lambda each: each.key, max_size=4),
    st.dictionaries(st.sampled_from(["zone", "disk", "kernel", "slots"]), st.sampled_from(["x", "hdd", "5.10", "8"])),
)
def test_a_node_that_meets_the_constraints_that_are_named_would_do(
    asked: list[Constraint], labels: dict[str, str]
) -> None:
    demand, by_text = Demand(rules=Rules(constraints=tuple(asked))), {}
    for each in asked:
        said = explain(a_snapshot(a_node("n1", labels={each.key: "?" if each.operator != "!=" else "x"})), demand)
        by_text.update(dict.fromkeys([f.detail for v in said.nodes for f in v.failures]))
    for change in _changes(a_snapshot(a_node("n1", labels=labels)), demand):
        (need,) = change.needs
        named = [each for each in asked if any(item.startswith(each.key) for item in need.items)]
        assert len(named) == len(need.items)
        right = {each.key: _SATISFIES[each] for each in named}
        assert _takes(a_snapshot(a_node("n1", labels={**labels, **right})), demand, "n1")
        for each in named:
            less = {key: value for key, value in right.items() if key != each.key}
            assert not _takes(a_snapshot(a_node("n1", labels={**labels, **less})), demand, "n1")


@given(st.sets(st.sampled_from(sorted(CONDITION_TAINTS))), st.booleans())
def test_conditions_and_taints_that_are_named_are_those_that_have_to_go(conditions: set[str], tainted: bool) -> None:
    own = (Taint(key="gpu", value="x"),) if tainted else ()
    of_conditions = {name: taint for name, taint in CONDITION_TAINTS.items() if name in conditions}
    snapshot = a_snapshot(a_node("n1", taints=(*own, *of_conditions.values())))
    for change in _changes(snapshot, Demand()):
        (need,) = change.needs
        forbids = [name for name, taint in of_conditions.items() if taint.effect != "PreferNoSchedule"]
        assert set(need.items) == {*(["gpu=x:NoSchedule"] if tainted else []), *forbids}
        assert need.text == " and ".join(
            [
                *(["taint gpu=x:NoSchedule gone"] if tainted else []),
                *([f"its {', '.join(forbids)} over"] if forbids else []),
            ]
        )


def test_a_port_that_the_task_holds_itself_has_not_to_become_free() -> None:
    own, others = HostPortKey("tcp", 80), HostPortKey("tcp", 81)
    held = Demand(ports=(own,))
    snapshot = a_snapshot(a_node("n1", tenants=(held, Demand(ports=(others,)))))
    demand = Demand(ports=(own, others))
    found = explain(snapshot, demand, current="n1", held=Held("n1", held))
    assert [change.text for change in smallest_changes(snapshot, demand, found)] == ["host port 81/tcp free on n1"]
