"""What each rule means, as a spec says it: on which nodes the task may go, and which of them it would rather have."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from controlplane.cluster import Demand
from controlplane.cluster.demand import demand_of
from controlplane.placement import NodeState, Snapshot, explain, place
from taskyard.objects import Affinity, Constraint, Resources, Spread, Taint, TaskSpec, Toleration
from tests.controlplane.placement.made_up import want
from tests.controlplane.placement.nodes import GI, a_node, a_snapshot

IMAGE = "busybox:1.35"
WEB = {"app": "web"}


def asks(labels: dict[str, str] | None = None, **fields: object) -> Demand:
    return demand_of(TaskSpec(image=IMAGE, **fields), "default", labels or WEB)  # type: ignore[arg-type]


def fitting(snapshot: Snapshot, demand: Demand) -> list[str]:
    """Where it may go, best first; what is decided is the first."""
    found = [verdict.node for verdict in explain(snapshot, demand).fitting]
    assert [decision.node for decision in place(snapshot, [want("t", demand)])] == [*found, None][:1]
    return found


def zoned(name: str, zone: str, *tenants: Demand, **more: object) -> NodeState:
    return a_node(name, labels={"zone": zone}, tenants=tenants, **more)  # type: ignore[arg-type]


KERNELS = a_snapshot(
    a_node("old", labels={"kernel": "5.10.0-rc1", "slots": "900"}),
    a_node("new", labels={"kernel": "6.1", "slots": "1k"}),
    a_node("bare"),
)


@pytest.mark.parametrize(
    ("key", "operator", "values", "nodes"),
    [
        pytest.param("kernel", "=", ["6.1"], {"new"}, id="equal"),
        pytest.param("kernel", "!=", ["6.1"], {"old", "bare"}, id="other or none"),
        pytest.param("kernel", "in", ["6.1", "5.10.0-rc1"], {"old", "new"}, id="one of"),
        pytest.param("kernel", "not in", ["6.1", "6.2"], {"old", "bare"}, id="none of"),
        pytest.param("kernel", "exists", [], {"old", "new"}, id="there"),
        pytest.param("kernel", "does not exist", [], {"bare"}, id="not there"),
        pytest.param("slots", "<", ["1000"], {"old"}, id="less, in any spelling"),
        pytest.param("slots", ">", ["950"], {"new"}, id="more, in any spelling"),
        pytest.param("kernel", "version", [">= 5.10"], {"new"}, id="a pre-release comes before its release"),
        pytest.param("kernel", "version", [">= 5, < 6"], {"old"}, id="a range of versions"),
        pytest.param("kernel", "regexp", ["6"], set(), id="an expression has to match all of it"),
        pytest.param("kernel", "regexp", [r"6\..*"], {"new"}, id="expression"),
        pytest.param("node.name", "regexp", ["(old|bare)"], {"old", "bare"}, id="attribute"),
    ],
)
def test_a_constraint(key: str, operator: str, values: list[str], nodes: set[str]) -> None:
    constraint = Constraint(key=key, operator=operator, values=values)  # type: ignore[arg-type]
    assert set(fitting(KERNELS, asks(constraints=[constraint]))) == nodes


@pytest.mark.parametrize("operator", ["<", ">", "version", "regexp"])
def test_what_cannot_be_compared_does_not_meet_it(operator: str) -> None:
    constraint = Constraint(key="kernel", operator=operator, value="(")  # type: ignore[arg-type]
    assert fitting(KERNELS, asks(constraints=[constraint])) == []


def test_other_countable_resources() -> None:
    nodes = a_snapshot(a_node("n1"), a_node("n2", generic={"gpu": 1}), a_node("n3", generic={"gpu": 2}))
    assert fitting(nodes, asks(resources=Resources(generic={"gpu": 2}))) == ["n3"]
    taken = Demand(generic=(("gpu", 1),))
    nodes = a_snapshot(a_node("n2", generic={"gpu": 1}, used=taken), a_node("n3", generic={"gpu": 2}, used=taken))
    assert fitting(nodes, asks(resources=Resources(generic={"gpu": 1}))) == ["n3"]


@pytest.mark.parametrize(
    ("effect", "toleration", "fits"),
    [
        pytest.param("NoSchedule", None, False, id="none"),
        pytest.param("NoSchedule", Toleration(key="disk", value="slow"), True, id="equal"),
        pytest.param("NoSchedule", Toleration(key="disk", value="fast"), False, id="another value"),
        pytest.param("NoSchedule", Toleration(key="disk", operator="Exists"), True, id="any value"),
        pytest.param("NoSchedule", Toleration(operator="Exists"), True, id="any key"),
        pytest.param("NoSchedule", Toleration(operator="Exists", effect="NoExecute"), False, id="another effect"),
        pytest.param("NoExecute", Toleration(operator="Exists", toleration_seconds=300), False, id="for a while only"),
        pytest.param("PreferNoSchedule", None, True, id="only discouraged"),
    ],
)
def test_a_toleration(effect: str, toleration: Toleration | None, fits: bool) -> None:
    node = a_node("n1", taints=(Taint(key="disk", value="slow", effect=effect),))  # type: ignore[arg-type]
    demand = asks(tolerations=[toleration] if toleration else [])
    assert fitting(a_snapshot(node), demand) == (["n1"] if fits else [])


def test_near_others_and_away_from_them_on_a_node_or_in_a_zone() -> None:
    db = asks({"app": "db"})
    nodes = a_snapshot(zoned("a1", "a", db), zoned("a2", "a"), zoned("b1", "b"), a_node("bare"))
    near = Affinity(selector={"app": "db"})
    assert fitting(nodes, asks(affinity=[near])) == ["a1"]
    assert set(fitting(nodes, asks(anti_affinity=[near]))) == {"a2", "b1", "bare"}
    in_zone = Affinity(selector={"app": "db"}, topology_key="zone")
    assert set(fitting(nodes, asks(affinity=[in_zone]))) == {"a1", "a2"}
    assert set(fitting(nodes, asks(anti_affinity=[in_zone]))) == {"b1", "bare"}


def test_other_namespaces_do_not_count() -> None:
    theirs = demand_of(TaskSpec(image=IMAGE), "shop", {"app": "db"})
    nodes = a_snapshot(a_node("n1", tenants=(theirs,)))
    assert fitting(nodes, asks(affinity=[Affinity(selector={"app": "db"})])) == []
    assert fitting(nodes, asks(anti_affinity=[Affinity(selector={"app": "db"})])) == ["n1"]


def test_one_that_keeps_away_is_kept_away_from_unless_it_only_would_rather() -> None:
    lonely = asks({"app": "db"}, anti_affinity=[Affinity(selector=WEB)])
    shy = asks({"app": "db"}, anti_affinity=[Affinity(selector=WEB, weight=5)])
    nodes = a_snapshot(a_node("n1", tenants=(lonely,)), a_node("n2", tenants=(shy,)))
    assert fitting(nodes, asks()) == ["n2"]


def test_the_first_of_those_that_want_to_be_near_their_like_may_go_anywhere() -> None:
    own = asks(affinity=[Affinity(topology_key="zone")])
    assert set(fitting(a_snapshot(zoned("a1", "a"), zoned("b1", "b")), own)) == {"a1", "b1"}
    assert fitting(a_snapshot(zoned("a1", "a"), zoned("b1", "b", own)), own) == ["b1"]


@pytest.mark.parametrize(
    ("skew", "nodes"), [pytest.param(1, {"b1"}, id="one"), pytest.param(2, {"a1", "b1"}, id="two")]
)
def test_no_part_gets_more_beyond_the_fewest_than_the_skew(skew: int, nodes: set[str]) -> None:
    evenly = asks(spread=[Spread(topology_key="zone", max_skew=skew)])
    snapshot = a_snapshot(zoned("a1", "a", evenly), zoned("b1", "b"), a_node("bare"))
    assert set(fitting(snapshot, evenly)) == nodes


def test_parts_whose_nodes_would_not_take_it_do_not_count_for_the_skew() -> None:
    evenly = asks(spread=[Spread(topology_key="zone")])
    snapshot = a_snapshot(zoned("a1", "a", evenly), zoned("b1", "b", cordoned=True))
    assert fitting(snapshot, evenly) == ["a1"]


def test_so_many_on_one_node() -> None:
    two = asks(max_per_node=2)
    assert fitting(a_snapshot(a_node("n1", tenants=(two, two)), a_node("n2", tenants=(two,))), two) == ["n2"]


def test_what_tells_the_tasks_of_a_service_apart_is_never_counted_by() -> None:
    first, second = (asks(WEB | {"taskyard/slot": str(slot)}, max_per_node=1) for slot in (1, 2))
    assert first == second
    assert fitting(a_snapshot(a_node("n1", tenants=(first,)), a_node("n2")), second) == ["n2"]


def test_what_is_preferred_counts_by_its_weight_before_room() -> None:
    nodes = a_snapshot(
        a_node("ssd", labels={"disk": "ssd"}, used=Demand(cpu=3000, memory=3 * GI)),
        a_node("near", tenants=(asks({"app": "db"}),)),
        a_node("empty"),
    )
    ssd = Constraint(key="disk", value="ssd", weight=10)
    db = Affinity(selector={"app": "db"}, weight=9)
    assert fitting(nodes, asks(constraints=[ssd], affinity=[db])) == ["ssd", "near", "empty"]
    assert fitting(nodes, asks(constraints=[ssd], affinity=[structs.replace(db, weight=11)])) == [
        "near",
        "ssd",
        "empty",
    ]
    assert fitting(nodes, asks(anti_affinity=[db])) == ["empty", "ssd", "near"]


def test_a_preferred_spread_costs_for_each_task_beyond_it() -> None:
    evenly = asks(spread=[Spread(topology_key="zone", weight=1)])
    nodes = a_snapshot(zoned("a1", "a", evenly, evenly), zoned("b1", "b", evenly), zoned("c1", "c"), a_node("bare"))
    assert fitting(nodes, evenly) == ["c1", "b1", "a1", "bare"]


@pytest.mark.parametrize(
    ("cluster", "own", "node"),
    [
        pytest.param("spread", "", "empty", id="the cluster spreads"),
        pytest.param("binpack", "", "busy", id="the cluster packs"),
        pytest.param("binpack", "spread", "empty", id="the task spreads"),
        pytest.param("spread", "binpack", "busy", id="the task packs"),
    ],
)
def test_the_task_s_strategy_goes_before_the_cluster_s(cluster: str, own: str, node: str) -> None:
    nodes = a_snapshot(a_node("busy", used=Demand(cpu=2000, memory=2 * GI)), a_node("empty"))
    assert fitting(replace(nodes, strategy=cluster), asks(strategy=own))[0] == node


@pytest.mark.parametrize(
    ("image", "known_as"),
    [
        ("web", "web:latest"),
        ("registry:5000/web", "registry:5000/web:latest"),
        ("registry:5000/web:1", "registry:5000/web:1"),
        ("web:1@sha256:00", "web:1"),
        ("web@sha256:00", "web@sha256:00"),
    ],
)
def test_an_image_is_looked_for_as_nodes_name_it(image: str, known_as: str) -> None:
    assert demand_of(TaskSpec(image=image), "default", {}).image == known_as
