"""Who is next when several namespaces wait, by property and by example."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from hypothesis import given
from hypothesis import strategies as st

from controlplane.cluster import Demand
from controlplane.placement.fairness import Share, Turn, amounts_of, dominant, take_fairly
from controlplane.scheduler.turns import Turns
from taskyard.keys import NamedKey
from tests.controlplane.placement.nodes import GI


def waiting(**counts: int) -> dict[NamedKey, Turn]:
    found = {}
    for namespace, count in counts.items():
        for number in range(count):
            key = NamedKey(namespace, f"t{number:04}")
            found[key] = (0, f"{number:04}", key)
    return found


def in_line(
    asked: dict[NamedKey, Turn], shares: Mapping[str, Share], size_of: Callable[[NamedKey], float], most: int
) -> list[NamedKey]:
    queues: dict[str, Turns] = {}
    for key, turn in asked.items():
        queues.setdefault(key.namespace, Turns()).put(turn)
    return take_fairly(queues, shares, size_of, most)


def namespaces(found: list[NamedKey]) -> Counter[str]:
    return Counter(key.namespace for key in found)


def test_thousands_that_wait_leave_the_few_their_half() -> None:
    found = in_line(waiting(many=5000, few=20), {}, lambda _: 0.001, 30)
    assert namespaces(found) == {"many": 15, "few": 15}
    assert [key.name for key in found if key.namespace == "few"] == [f"t{n:04}" for n in range(15)]


def test_weights_count() -> None:
    shares = {"three": Share(0.0, 3), "one": Share(0.0, 1)}
    assert namespaces(in_line(waiting(three=100, one=100), shares, lambda _: 0.01, 40)) == {"three": 30, "one": 10}


def test_what_one_has_already_counts() -> None:
    shares = {"rich": Share(0.3, 1), "poor": Share(0.1, 1)}
    found = in_line(waiting(rich=100, poor=100), shares, lambda _: 0.01, 40)
    assert namespaces(found[:19]) == {"poor": 19}
    assert namespaces(found[21:]) == {"rich": 10, "poor": 9} or namespaces(found[21:]) == {"rich": 9, "poor": 10}


def test_the_scarce_resource_is_what_counts() -> None:
    whole = {"cpu": 100_000, "memory": 100 * GI, "gpu": 4}
    demand = Demand(cpu=1000, memory=GI, generic=(("gpu", 1),))
    assert dominant(amounts_of(demand), whole) == 0.25


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 30), min_size=1),
    st.dictionaries(st.sampled_from("abcd"), st.builds(Share, st.floats(0, 1), st.integers(1, 5))),
    st.integers(1, 60),
)
def test_no_namespace_with_less_waits_behind_one_with_more(
    counts: dict[str, int], shares: dict[str, Share], most: int
) -> None:
    asked = waiting(**counts)
    found = in_line(asked, shares, lambda _: 0.05, most)
    assert len(found) == min(most, len(asked)) == len(set(found))
    held, left = dict(shares), Counter(counts)
    for key in found:
        least = min(held.get(name, Share()).ratio for name, count in left.items() if count)
        now = held.get(key.namespace, Share())
        assert now.ratio == least
        held[key.namespace] = now._replace(held=now.held + 0.05)
        left[key.namespace] -= 1


def test_priority_goes_before_all() -> None:
    asked = waiting(poor=3, rich=3)
    urgent = NamedKey("rich", "urgent")
    found = in_line({**asked, urgent: (-5, "9", urgent)}, {"rich": Share(0.9)}, lambda _: 0.1, 2)
    assert found == [urgent, NamedKey("poor", "t0000")]
