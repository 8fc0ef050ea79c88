"""The fast decision is the plain one: same node, same score, for every cluster and batch; and it breaks no rule."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.cluster import Demand
from controlplane.placement import FILTERS, Held, Placer, Snapshot, Want, explain, place
from controlplane.placement.around import Around
from controlplane.placement.filters import asked
from tests.controlplane.placement.made_up import a_few_services, batches, demands, plain_demands, snapshots, want
from tests.controlplane.placement.reference import place_plainly


def _same(found: list[tuple[str, str | None, float]], plain: list[tuple[str, str | None, float]]) -> None:
    assert [(name, node) for name, node, _ in found] == [(name, node) for name, node, _ in plain]
    assert [score for *_, score in found] == pytest.approx([score for *_, score in plain])


def _decide(placer: Placer, snapshot: Snapshot, batch: list[Want]) -> None:
    decisions = placer.place(snapshot, batch)
    found = [(d.want.key.name, d.node, d.score) for d in decisions]
    _same(found, place_plainly(snapshot, [decision.want for decision in decisions]))


@settings(max_examples=100)
@given(snapshots, batches)
def test_a_batch_is_placed_as_the_tables_say(snapshot: Snapshot, batch: list[Want]) -> None:
    _decide(Placer(), snapshot, batch)


@settings(max_examples=60)
@given(st.lists(st.tuples(snapshots, batches), min_size=2, max_size=4))
def test_what_was_decided_before_makes_no_difference(rounds: list[tuple[Snapshot, list[Want]]]) -> None:
    placer = Placer()
    for snapshot, batch in rounds:
        _decide(placer, snapshot, batch)


@pytest.mark.parametrize("seed", range(12))
def test_a_search_goes_on_where_the_last_one_for_the_same_ended(seed: int) -> None:
    _decide(Placer(), *a_few_services(random.Random(seed)))


@settings(max_examples=80)
@given(snapshots, st.lists(st.tuples(demands, st.integers(0, 20)), max_size=6))
def test_tasks_that_are_somewhere_already(snapshot: Snapshot, asked: list[tuple[Demand, int]]) -> None:
    """Each holds what one of the tenants of a node holds."""
    held = [Held(name, tenant) for name, node in sorted(snapshot.nodes.items()) for tenant in node.tenants]
    batch = []
    for i, (demand, which) in enumerate(asked):
        mine = held.pop(which % len(held)) if held else None
        batch.append(want(f"t{i}", demand, current=mine.node if mine else "", held=mine))
    _decide(Placer(), snapshot, batch)


@settings(max_examples=80)
@given(snapshots, batches)
def test_decisions_do_not_depend_on_any_order(snapshot: Snapshot, batch: list[Want]) -> None:
    shuffled = replace(snapshot, nodes=dict(reversed(snapshot.nodes.items())))
    assert place(snapshot, batch) == place(shuffled, list(reversed(batch)))


@settings(max_examples=80)
@given(snapshots, demands)
def test_an_explanation_agrees_with_the_decision(snapshot: Snapshot, demand: Demand) -> None:
    (decision,) = place(snapshot, [want("t", demand)])
    fitting = explain(snapshot, demand).fitting
    assert decision.node == (fitting[0].node if fitting else None)


@settings(max_examples=80)
@given(snapshots, plain_demands)
def test_amounts_in_an_explanation_are_true(snapshot: Snapshot, demand: Demand) -> None:
    """Where only amounts are missing, that much more is enough and one less of any is not."""

    def given_more(node: str, more: dict[str, int]) -> bool:
        generic = tuple((name, n) for name, n in more.items() if name not in ("cpu", "memory", "disk"))
        back = Demand(more.get("cpu", 0), more.get("memory", 0), more.get("disk", 0), generic=generic)
        changed = Snapshot(1, {node: snapshot.nodes[node].released(back)}, snapshot.strategy)
        return bool(explain(changed, demand).fitting)

    for verdict in explain(snapshot, demand).nodes:
        lacking = {name: short for failure in verdict.failures for name, short in failure.lacking}
        if not lacking or not all(failure.lacking for failure in verdict.failures):
            continue
        assert given_more(verdict.node, lacking)
        for name, short in lacking.items():
            assert not given_more(verdict.node, {**lacking, name: short - 1})


@settings(max_examples=80)
@given(snapshots, demands)
def test_a_filter_that_is_not_asked_would_refuse_no_node(snapshot: Snapshot, demand: Demand) -> None:
    around = Around(snapshot)
    left_out = [rule for rule in FILTERS if rule not in asked(demand, around)]
    refusing = [rule.name for rule in left_out for node in snapshot.nodes.values() if rule.check(demand, node, around)]
    assert refusing == []
