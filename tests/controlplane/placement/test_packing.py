"""A batch that is packed is taken the largest first, and never uses more nodes than best-fit decreasing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.binpack import at_once, one_by_one
from bench.packing import best_fit, lower_bound
from controlplane.cluster import Demand
from controlplane.placement import Snapshot, in_order, place
from tests.controlplane.placement.made_up import want
from tests.controlplane.placement.nodes import GI, a_node


def test_the_largest_goes_first_within_a_priority() -> None:
    snapshot = Snapshot(1, {"n1": a_node("n1")}, "binpack")
    wants = [
        want("small", Demand(cpu=100)),
        want("large", Demand(cpu=2000)),
        want("urgent", Demand(cpu=10), priority=1),
        want("spread", Demand(cpu=3000, strategy="spread")),
    ]
    assert [each.key.name for each in in_order(snapshot, wants)] == ["urgent", "large", "small", "spread"]


def test_packed_tasks_share_a_node_and_spread_ones_do_not() -> None:
    snapshot = Snapshot(1, {name: a_node(name, memory=4 * GI) for name in ("n1", "n2", "n3")})
    packed = [want(f"t{i}", Demand(memory=GI, strategy="binpack")) for i in range(3)]
    spread = [want(f"t{i}", Demand(memory=GI)) for i in range(3)]
    assert len({decision.node for decision in place(snapshot, packed)}) == 1
    assert len({decision.node for decision in place(snapshot, spread)}) == 3


@settings(max_examples=40)
@given(st.lists(st.integers(20, 100), min_size=1, max_size=40))
def test_it_packs_as_the_classics_do(items: list[int]) -> None:
    assert lower_bound(items, 150) <= at_once(items, 150) <= best_fit(sorted(items, reverse=True), 150)
    assert one_by_one(items, 150) <= best_fit(items, 150)
