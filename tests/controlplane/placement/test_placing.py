"""Placing a batch: order, room, stickiness, ties. That it breaks no rule, whatever the batch, is in test_agreement."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from controlplane.cluster import Demand
from controlplane.placement import Held, Reservation, Snapshot, Want, place
from taskyard.keys import NamedKey
from taskyard.objects import Taint
from tests.controlplane.placement.made_up import HTTP, want
from tests.controlplane.placement.nodes import GI, MI, a_node, a_snapshot


def placed(snapshot: Snapshot, *wants: Want) -> dict[str, str | None]:
    return {decision.want.key.name: decision.node for decision in place(snapshot, wants)}


def test_the_emptier_node_wins() -> None:
    nodes = a_snapshot(a_node("n1", used=Demand(cpu=2000, memory=2 * GI)), a_node("n2", used=Demand(cpu=1000)))
    assert placed(nodes, want("t", Demand(cpu=100, memory=MI))) == {"t": "n2"}


def test_equal_nodes_are_taken_by_name_and_a_batch_spreads_over_them() -> None:
    nodes = a_snapshot(*(a_node(name) for name in ("n3", "n1", "n2")))
    batch = [want(f"t{i}") for i in range(6)]
    assert placed(nodes, *batch) == {"t0": "n1", "t1": "n2", "t2": "n3", "t3": "n1", "t4": "n2", "t5": "n3"}


def test_a_discouraging_taint_only_matters_while_there_is_another_node() -> None:
    shunned = a_node("n1", taints=(Taint(key="old", effect="PreferNoSchedule"),))
    busy = a_node("n2", used=Demand(cpu=3500))
    batch = [want("t1", Demand(cpu=400)), want("t2", Demand(cpu=400))]
    assert placed(a_snapshot(shunned, busy), *batch) == {"t1": "n2", "t2": "n1"}


def test_the_batch_counts_what_it_has_placed() -> None:
    nodes = a_snapshot(a_node("n1", memory=GI), a_node("n2", memory=GI))
    batch = [want(f"t{i}", Demand(memory=600 * MI)) for i in range(3)]
    assert placed(nodes, *batch) == {"t0": "n1", "t1": "n2", "t2": None}


@pytest.mark.parametrize("equal", [pytest.param(1, id="alone"), pytest.param(5, id="with equals")])
def test_a_fixed_host_port_goes_to_one_task_per_node(equal: int) -> None:
    nodes = a_snapshot(a_node("n1"), a_node("n2", used=Demand(ports=(HTTP,))))
    batch = [want(f"t{i}", Demand(ports=(HTTP,))) for i in range(equal)]
    assert list(placed(nodes, *batch).values()) == ["n1"] + [None] * (equal - 1)


def test_the_highest_priority_goes_first_then_the_oldest() -> None:
    nodes = a_snapshot(a_node("n1", memory=GI))
    batch = [
        want("young", Demand(memory=GI), created_at="2026-01-02T00:00:00.000Z"),
        want("old", Demand(memory=GI), created_at="2026-01-01T00:00:00.000Z"),
        want("urgent", Demand(memory=GI), created_at="2026-01-03T00:00:00.000Z", priority=1),
    ]
    assert [d.want.key.name for d in place(nodes, batch)] == ["urgent", "old", "young"]
    assert placed(nodes, *batch) == {"urgent": "n1", "old": None, "young": None}
    assert placed(nodes, *batch[:2]) == {"old": "n1", "young": None}


def test_a_task_stays_where_it_is_when_it_fits_without_what_it_holds() -> None:
    held = Demand(memory=GI)
    full = a_node("n1", memory=GI, used=held)
    nodes = a_snapshot(full, a_node("n2"))
    stays = want("t", Demand(memory=GI, cpu=100), current="n1", held=Held("n1", held))
    moves = want("t", Demand(memory=GI + 1), current="n1", held=Held("n1", held))
    assert placed(nodes, stays) == {"t": "n1"}
    assert placed(nodes, moves) == {"t": "n2"}


def test_room_that_a_moving_task_leaves_is_not_given_away_before_it_has_moved() -> None:
    held = Demand(memory=GI)
    nodes = a_snapshot(a_node("n1", memory=GI, used=held), a_node("n2", memory=2 * GI))
    batch = [
        want("mover", Demand(memory=2 * GI), current="n1", held=Held("n1", held), priority=1),
        want("next", Demand(memory=GI)),
    ]
    assert placed(nodes, *batch) == {"mover": "n2", "next": None}


def test_a_task_that_stays_takes_only_what_it_needs_on_top_and_gives_nothing_away_yet() -> None:
    held = Demand(memory=600 * MI, ports=(HTTP,))
    nodes = a_snapshot(a_node("n1", memory=GI, used=held))
    same = want("t", held, current="n1", held=Held("n1", held), priority=1)
    smaller = want("t", Demand(memory=100 * MI), current="n1", held=Held("n1", held), priority=1)
    assert placed(nodes, same, want("next", Demand(memory=400 * MI))) == {"t": "n1", "next": "n1"}
    assert placed(nodes, smaller, want("next", Demand(memory=500 * MI))) == {"t": "n1", "next": None}
    assert placed(nodes, smaller, want("next", Demand(ports=(HTTP,)))) == {"t": "n1", "next": None}


def test_a_port_that_is_kept_for_another_stays_taken_when_its_holder_looks_elsewhere() -> None:
    held = Demand(ports=(HTTP,))
    nodes = a_snapshot(a_node("n1", used=held))
    kept = [Reservation(NamedKey("default", "urgent"), "n1", Demand(ports=(HTTP,), priority=10))]
    low = replace(want("low", held, current="n1", held=Held("n1", held)), leaves=True)
    batch = [low, want("next", held)]
    assert [decision.node for decision in place(nodes, batch, kept)] == [None, None]
    urgent = want("urgent", held, priority=10)
    assert [decision.node for decision in place(nodes, [urgent], kept)] == [None]


def test_nothing_asked_for_fits_on_a_node_that_is_promised_twice() -> None:
    over = a_node("n1", cpu=1000, used=Demand(cpu=2000))
    assert placed(a_snapshot(over), want("t", Demand(memory=MI))) == {"t": "n1"}


def test_equal_tasks_of_many_kinds_share_the_nodes_evenly() -> None:
    snapshot = a_snapshot(*(a_node(f"n{i}", cpu=8000, memory=8 * GI) for i in range(10)))
    batch = [want(f"t{i:03}", Demand(cpu=100 + 10 * (i % 4), memory=64 * MI)) for i in range(200)]
    load = Counter(decision.node for decision in place(snapshot, batch))
    assert None not in load
    assert max(load.values()) - min(load.values()) <= 2
