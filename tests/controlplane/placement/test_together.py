"""Gangs are placed whole or not at all; room that is kept for a task is for it and those of higher priority."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.cluster import Demand
from controlplane.placement import Held, Placer, Reservation, Snapshot, Want, explain, kept_for_others, place
from controlplane.placement.quotas import Allowance
from taskyard.keys import NamedKey
from tests.controlplane.placement.made_up import demands, snapshots, want
from tests.controlplane.placement.nodes import GI, a_node, a_snapshot


def member(name: str, gang: str, lacks: int, demand: Demand) -> Want:
    return replace(want(name, demand), gang=gang, gang_lacks=lacks)


def nodes_of(snapshot: Snapshot, wants: list[Want], *kept: Reservation) -> dict[str, str | None]:
    return {decision.want.key.name: decision.node for decision in place(snapshot, wants, kept)}


def test_none_of_a_gang_is_placed_while_one_has_no_room_and_others_get_it() -> None:
    snapshot = a_snapshot(a_node("n1", memory=GI), a_node("n2", memory=GI))
    gang = [member(f"g{i}", "default/train", 3, Demand(memory=GI)) for i in range(3)]
    later = want("z", Demand(memory=GI))
    assert nodes_of(snapshot, [*gang, later]) == {"g0": None, "g1": None, "g2": None, "z": "n1"}
    assert None not in nodes_of(a_snapshot(*snapshot.nodes.values(), a_node("n3", memory=GI)), gang).values()


def test_a_gang_waits_until_enough_of_it_are_there() -> None:
    snapshot = a_snapshot(a_node("n1"))
    two = [member(f"g{i}", "default/train", 3, Demand()) for i in range(2)]
    assert set(nodes_of(snapshot, two).values()) == {None}
    assert set(nodes_of(snapshot, [*two, member("g2", "default/train", 3, Demand())]).values()) == {"n1"}
    assert set(nodes_of(snapshot, [replace(one, gang_lacks=2) for one in two]).values()) == {"n1"}


def test_two_gangs_that_do_not_both_fit_do_not_hold_each_other_up() -> None:
    snapshot = a_snapshot(*(a_node(f"n{i}", memory=GI) for i in range(3)))
    mixed = [member(f"{gang}{i}", f"default/{gang}", 2, Demand(memory=GI)) for i in range(2) for gang in "ab"]
    found = nodes_of(snapshot, mixed)
    assert {name for name, node in found.items() if node} == {"a0", "a1"}


@settings(max_examples=40)
@given(snapshots, st.lists(st.tuples(demands, st.sampled_from(["", "a", "b"])), max_size=8))
def test_whole_or_not_at_all_and_as_if_it_had_not_been_there(
    snapshot: Snapshot, asked: list[tuple[Demand, str]]
) -> None:
    wants = [member(f"t{i}", gang, 2 if gang else 0, demand) for i, (demand, gang) in enumerate(asked)]
    decisions = Placer().place(snapshot, wants)
    failed = {d.want.gang for d in decisions if d.want.gang and d.node is None}
    assert not any(d.node for d in decisions if d.want.gang in failed and d.want.gang)
    without = [each for each in wants if each.gang not in failed or not each.gang]
    assert [d for d in decisions if d.want.gang not in failed or not d.want.gang] == Placer().place(snapshot, without)


def test_kept_room_is_for_whom_it_is_kept_and_for_the_more_important() -> None:
    snapshot = a_snapshot(a_node("n1", memory=GI))
    demand = Demand(memory=GI, priority=2)
    kept = Reservation(want("big").key, "n1", demand)
    assert nodes_of(snapshot, [want("other", demand, priority=2)], kept) == {"other": None}
    assert nodes_of(snapshot, [want("other", demand, priority=3)], kept) == {"other": "n1"}
    both = [want("big", demand, priority=2), want("a", Demand(memory=GI), priority=2)]
    assert nodes_of(snapshot, both, kept) == {"big": "n1", "a": None}


def test_kept_room_moves_nobody_who_needs_no_more_than_they_have_and_stay() -> None:
    had = Demand(cpu=500, memory=GI, generic=(("gpu", 1),))
    full = a_node("n1", memory=GI, used=had, generic={"gpu": 1})
    kept = Reservation(want("large").key, "n1", Demand(memory=GI, priority=5))
    less, more = Demand(cpu=400, memory=GI, generic=(("gpu", 1),)), Demand(cpu=600, memory=GI)

    def edited(demand: Demand) -> Want:
        return replace(want("edited", demand, current="n1"), held=Held("n1", had))

    for empty in (), (a_node("n2", memory=GI, generic={"gpu": 1}),):
        snapshot = a_snapshot(full, *empty)
        for demand in had, less:
            assert nodes_of(snapshot, [edited(demand)], kept) == {"edited": "n1"}
            gang = replace(edited(demand), gang="default/train", gang_lacks=1)
            assert nodes_of(snapshot, [gang], kept) == {"edited": "n1"}
        elsewhere = {"edited": "n2" if empty else None}
        assert nodes_of(snapshot, [edited(more)], kept) == elsewhere
        assert nodes_of(snapshot, [replace(edited(had), leaves=True)], kept) == elsewhere


def test_what_is_kept_stays_kept_from_those_after_one_that_stays() -> None:
    had = Demand(memory=GI)
    snapshot = a_snapshot(a_node("n1", memory=2 * GI, used=had))
    kept = Reservation(want("large").key, "n1", Demand(memory=2 * GI))
    edited = want("edited", had, current="n1", held=Held("n1", had))
    assert nodes_of(snapshot, [edited, want("next", had)], kept) == {"edited": "n1", "next": None}


def test_of_those_that_wait_only_who_needs_more_than_they_have_waits_for_what_is_kept() -> None:
    had, more = Demand(memory=GI), Demand(memory=GI, cpu=100)
    snapshot = a_snapshot(a_node("n1", memory=GI, used=had))
    kept = Reservation(want("large").key, "n1", had)
    for demand, leaves, told in (had, False, ""), (more, False, "kept"), (had, True, "kept"):
        waits = replace(want("edited", demand, current="n1", held=Held("n1", had)), leaves=leaves)
        found = explain(snapshot, demand, current="n1", held=waits.held)
        assert told in (said := kept_for_others(snapshot, waits, found, [kept]))
        assert bool(said) == bool(told)


def test_who_has_room_already_keeps_no_more_of_its_quota_from_others() -> None:
    had = Demand(memory=GI, namespace="shop")
    nodes = (a_node("n1", memory=GI, used=had), a_node("n2", memory=2 * GI), a_node("n3", memory=GI))
    snapshot = replace(a_snapshot(*nodes), quotas={"shop": Allowance(memory=2 * GI)})
    moves, waits = NamedKey("shop", "moves"), replace(want("waits", had), key=NamedKey("shop", "waits"))
    without, besides = (Reservation(moves, "n2", had, holds=holds) for holds in (False, True))
    assert nodes_of(snapshot, [waits], besides) == {"waits": "n3"}
    assert nodes_of(snapshot, [waits], without) == {"waits": None}
    found = explain(snapshot, had)
    assert kept_for_others(snapshot, waits, found, [besides]) == ""
    assert (
        kept_for_others(snapshot, waits, found, [without]) == "the room that it fits in is kept: on n2 for shop/moves"
    )
    elsewhere = without._replace(node="n1")
    assert kept_for_others(snapshot, waits, found, [elsewhere]) == "what its namespace may have is kept for shop/moves"
