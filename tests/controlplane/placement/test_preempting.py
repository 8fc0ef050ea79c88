"""Which tasks would be stopped for another: the cheapest set, none of equal priority, and never too many of a kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.cluster import Demand
from controlplane.cluster.rules import Rules
from controlplane.placement import Preemption, Snapshot, explain, nearest, place
from controlplane.placement.budgets import Budgets
from controlplane.placement.preempting import cheapest as cheapest_within
from controlplane.placement.preempting import for_all as for_all_within
from tests.controlplane.placement.made_up import plain_demands, snapshots, want
from tests.controlplane.placement.nodes import GI, MI, a_node, a_snapshot


def tenant(memory: int, priority: int = 0, *, app: str = "", keep: int = 0) -> Demand:
    labels = (("app", app),) if app else ()
    return Demand(memory=memory, priority=priority, namespace="default", labels=labels, rules=Rules(min_available=keep))


def budgets(snapshot: Snapshot, asked: Sequence[Demand], idle: Sequence[Demand]) -> Budgets:
    """All tasks on the nodes run but for those that are idle."""
    there = [tenant for node in snapshot.nodes.values() for tenant in node.tenants]
    running = list(there)
    for each in idle:
        running.remove(each)
    return Budgets([*there, *asked], running)


def cheapest(snapshot: Snapshot, demand: Demand, idle: Sequence[Demand] = ()) -> Preemption | None:
    return cheapest_within(snapshot, demand, budgets(snapshot, [demand], idle))


def for_all(snapshot: Snapshot, demands: Sequence[Demand]) -> list[Preemption] | None:
    return for_all_within(snapshot, demands, budgets(snapshot, demands, ()))


def test_no_more_are_stopped_than_it_takes_and_the_least_important_ones() -> None:
    node = a_node("n1", tenants=(tenant(GI, 1), tenant(GI, 2), tenant(GI, 3), tenant(GI, 1)))
    found = cheapest(a_snapshot(node), Demand(memory=2 * GI, priority=5))
    assert found is not None
    assert [victim.priority for victim in found.victims] == [1, 1]


def test_of_two_nodes_that_whose_victims_matter_less() -> None:
    nodes = a_snapshot(
        a_node("n1", tenants=(tenant(4 * GI, 3),)),
        a_node("n2", tenants=(tenant(2 * GI, 1), tenant(2 * GI, 1))),
        a_node("n3", tenants=(tenant(4 * GI, 1),)),
    )
    found = cheapest(nodes, Demand(memory=4 * GI, priority=5))
    assert found is not None
    assert found.node == "n3"


def test_never_for_equal_or_lower_priority() -> None:
    node = a_node("n1", tenants=(tenant(4 * GI, 5),))
    assert cheapest(a_snapshot(node), Demand(memory=GI, priority=5)) is None
    assert cheapest(a_snapshot(node), Demand(memory=GI, priority=4)) is None
    assert cheapest(a_snapshot(node), Demand(memory=GI, priority=6)) is not None


def test_so_many_are_left_as_they_say() -> None:
    kept = [a_node(f"n{i}", memory=GI, tenants=(tenant(GI, app="db", keep=2),)) for i in range(3)]
    asked = Demand(memory=GI, priority=5)
    assert cheapest(a_snapshot(*kept), asked) is not None
    assert cheapest(a_snapshot(*kept[:2]), asked) is None
    assert cheapest(a_snapshot(*kept), asked, idle=kept[0].tenants) is None
    free = a_node("n9", memory=GI, tenants=(tenant(GI, 4),))
    found = cheapest(a_snapshot(*kept[:2], free), asked)
    assert found is not None
    assert found.node == "n9"


def test_where_a_budget_lets_only_some_go_others_of_the_node_make_up_for_it() -> None:
    db = tenant(GI, app="db", keep=1)
    node = a_node("n1", memory=4 * GI, tenants=(db, db, tenant(2 * GI, 1, app="web")))
    found = cheapest(a_snapshot(node), Demand(memory=2 * GI, priority=5))
    assert found is not None
    assert found.victims == (tenant(2 * GI, 1, app="web"),)
    both = cheapest(a_snapshot(node), Demand(memory=3 * GI, priority=5))
    assert both is not None
    assert both.victims == (tenant(2 * GI, 1, app="web"), db)
    assert cheapest(a_snapshot(node), Demand(memory=4 * GI, priority=5)) is None


def test_where_a_budget_lets_one_go_it_may_be_the_larger_one() -> None:
    small, large = tenant(GI, app="db", keep=1), tenant(3 * GI, 1, app="db", keep=1)
    found = cheapest(a_snapshot(a_node("n1", memory=4 * GI, tenants=(small, large))), Demand(memory=2 * GI, priority=5))
    assert found is not None
    assert found.victims == (large,)


def test_the_budget_of_who_asks_holds_too_and_nobody_may_count_on_it_or_on_others_of_its_gang() -> None:
    kind = [a_node(f"n{i}", memory=GI, tenants=(tenant(GI, app="db"),)) for i in range(2)]
    asked, plain = tenant(GI, 5, app="db", keep=2), tenant(GI, 5, app="web")
    assert cheapest(a_snapshot(*kind), asked) is None
    assert for_all(a_snapshot(*kind), [plain, asked]) is None
    assert for_all(a_snapshot(*kind), [plain, plain]) is not None
    third = a_node("n3", memory=GI, tenants=(tenant(GI, app="db"),))
    assert cheapest(a_snapshot(*kind, third), asked) is not None


def test_nothing_is_stopped_where_that_would_not_be_enough() -> None:
    nodes = a_snapshot(
        a_node("n1", cordoned=True, tenants=(tenant(GI),)), a_node("n2", memory=GI, tenants=(tenant(GI),))
    )
    assert cheapest(nodes, Demand(memory=2 * GI, priority=5)) is None


@settings(max_examples=50)
@given(snapshots, plain_demands, st.integers(1, 3))
def test_it_fits_once_they_are_gone_and_each_of_them_is_needed(
    snapshot: Snapshot, demand: Demand, priority: int
) -> None:
    demand = msgspec.structs.replace(demand, priority=priority)
    if place(snapshot, [want("t", demand)])[0].node is not None:
        return
    found = cheapest(snapshot, demand)
    if found is None:
        return
    node = snapshot.nodes[found.node]
    assert all(victim.priority < priority for victim in found.victims)

    def fits_without(gone: tuple[Demand, ...]) -> bool:
        there = node
        for victim in gone:
            there = there.released(victim)
        changed = replace(snapshot, nodes={**snapshot.nodes, found.node: there})
        return found.node in {verdict.node for verdict in explain(changed, demand).fitting}

    assert fits_without(found.victims)
    for at in range(len(found.victims)):
        assert not fits_without(found.victims[:at] + found.victims[at + 1 :])


def test_the_nearest_is_that_which_lacks_least_of_those_that_could_hold_it() -> None:
    nodes = a_snapshot(
        a_node("n1", memory=GI),
        a_node("n2", memory=4 * GI, used=Demand(memory=3 * GI)),
        a_node("n3", memory=4 * GI, used=Demand(memory=2 * GI + MI)),
    )
    assert nearest(nodes, Demand(memory=2 * GI)) == "n3"
    assert nearest(nodes, Demand(memory=5 * GI)) is None
