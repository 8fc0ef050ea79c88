"""The moves of a rebalance: each gains, none breaks a filter, and in the end the nodes are more alike; by property."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controlplane.cluster import Demand
from controlplane.placement import NodeState, Snapshot, explain
from controlplane.rebalance import MIN_GAIN, Movable, balance_of, best_moves
from controlplane.rebalance.moves import moved
from taskyard.keys import NamedKey
from tests.controlplane.placement.nodes import GI, a_node, a_snapshot

demands = st.builds(
    Demand,
    cpu=st.sampled_from([100, 500, 1000]),
    memory=st.sampled_from([GI // 4, GI // 2, GI]),
    selector=st.sampled_from([(), (("zone", "a"),)]),
)


def a_task(number: int, node: str, demand: Demand) -> Movable:
    return Movable(NamedKey("default", f"t{number:02}"), f"{number:012x}", 1, node, demand)


def cluster(nodes: list[NodeState], tasks: list[Movable]) -> Snapshot:
    snapshot = a_snapshot(*nodes)
    charged = dict(snapshot.nodes)
    for task in tasks:
        charged[task.node] = charged[task.node].charged(task.demand)
    return Snapshot(1, charged)


@st.composite
def clusters(draw: st.DrawFn) -> tuple[Snapshot, list[Movable]]:
    """Everything fits where it is."""
    count = draw(st.integers(1, 5))
    nodes = [
        a_node(f"n{i}", labels={"zone": draw(st.sampled_from("ab"))}, cordoned=draw(st.integers(0, 5)) == 0)
        for i in range(count)
    ]
    tasks: list[Movable] = []
    for number in range(draw(st.integers(0, 15))):
        demand, node = draw(demands), draw(st.sampled_from(nodes))
        task = a_task(number, node.facts.name, demand)
        alone = Snapshot(1, {node.facts.name: cluster(nodes, tasks).nodes[node.facts.name]})
        if explain(alone, demand).fitting:
            tasks.append(task)
    return cluster(nodes, tasks), tasks


@given(clusters(), st.integers(1, 6))
def test_each_move_gains_and_breaks_nothing(found: tuple[Snapshot, list[Movable]], limit: int) -> None:
    snapshot, tasks = found
    moves, then = best_moves(snapshot, tasks, limit)
    assert len(moves) <= limit
    assert len({move.task.key for move in moves}) == len(moves)
    now = snapshot
    for move in moves:
        assert move.gain >= MIN_GAIN
        assert move.to != move.task.node
        without = Snapshot(1, {**now.nodes, move.task.node: now.nodes[move.task.node].released(move.task.demand)})
        fitting = {verdict.node: verdict.score for verdict in explain(without, move.task.demand).fitting}
        assert fitting[move.to] == move.after == max(fitting.values())
        assert fitting[move.task.node] == move.before
        now = moved(now, move.task, move.to)
    assert now.nodes == then.nodes
    assert balance_of(then).unevenness <= balance_of(snapshot).unevenness + 1e-9


@given(clusters())
def test_it_comes_to_an_end(found: tuple[Snapshot, list[Movable]]) -> None:
    """Done again and again, there is soon nothing more to gain: the moves do not go in circles."""
    snapshot, tasks = found
    for _ in range(20):
        moves, snapshot = best_moves(snapshot, tasks, 100)
        if not moves:
            return
        gone = {move.task.key: move.to for move in moves}
        tasks = [Movable(t.key, t.uid, t.epoch, gone.get(t.key, t.node), t.demand) for t in tasks]
    raise AssertionError("it goes in circles")


def test_the_move_that_gains_most_comes_first() -> None:
    tasks = [a_task(number, "n1", Demand(cpu=500, memory=GI // 2)) for number in range(4)]
    moves, then = best_moves(cluster([a_node("n1"), a_node("n2"), a_node("n3")], tasks), tasks, 5)
    assert [(move.task.key.name, move.to, round(move.gain, 3)) for move in moves] == [
        ("t00", "n2", 0.375),
        ("t01", "n3", 0.25),
    ]
    assert balance_of(then).empty == 0


def test_a_cordoned_nodes_tasks_are_left_alone() -> None:
    task = a_task(1, "n1", Demand(cpu=3000, memory=3 * GI))
    assert best_moves(cluster([a_node("n1", cordoned=True), a_node("n2")], [task]), [task], 5)[0] == []
