"""How many tasks an autoscaler calls for, and that it does so steadily."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.services.scaling import EVERY, Load, Recent, recommend, rescale
from taskyard.objects import Autoscale, Stabilization

WIDE = Autoscale(min=1, max=100, cpu=50)


def cpu(*values: float | None, target: float = 50) -> Load:
    return Load("cpu", target, values)


@pytest.mark.parametrize(
    ("loads", "expected"),
    [
        pytest.param([cpu(100, 100, 100)], 6, id="twice the target, twice the tasks"),
        pytest.param([cpu(60, 60, 60)], 4, id="rounded up"),
        pytest.param([cpu(55, 55, 55)], 3, id="within a tenth above"),
        pytest.param([cpu(45, 45, 45)], 3, id="within a tenth below"),
        pytest.param([cpu(10, 10, 10)], 1, id="fewer"),
        pytest.param([cpu(0, 0, 0)], 1, id="never fewer than min"),
        pytest.param([cpu(1e300, 0, 0)], 100, id="never more than max"),
        pytest.param([cpu(None, None, None)], 3, id="nothing known"),
        pytest.param([cpu(100, None, None)], 3, id="what is unknown counts as nothing for more"),
        pytest.param([cpu(200, 200, None)], 8, id="and still there is more"),
        pytest.param([cpu(0, None, None)], 2, id="what is unknown counts as the target for fewer"),
        pytest.param([cpu(10, 10, 10), cpu(100, 100, 100)], 6, id="the metric that calls for most"),
        pytest.param([cpu(10, 10, 10), cpu(None, None, None)], 3, id="no fewer while another is unknown"),
        pytest.param([cpu(100, 100, 100), cpu(None, None, None)], 6, id="more all the same"),
    ],
)
def test_what_is_recommended(loads: list[Load], expected: int) -> None:
    assert recommend(WIDE, 3, loads).replicas == expected


def test_it_says_why() -> None:
    assert recommend(WIDE, 3, [cpu(100, 100, 100)]).why == "cpu at 100% of a target of 50%"
    assert recommend(Autoscale(max=4, cpu=50), 3, [cpu(100, 100, 100)]).why.endswith(", and max is 4")
    assert recommend(WIDE, 3, [cpu(None)]).why == "nothing is known of cpu"
    queue = Load("queue_length", 0.5, (2.25, 0.25), "")
    assert recommend(WIDE, 2, [queue]).why == "queue_length at 1.2 of a target of 0.5"
    unread = Load("queue_length", 20, (None,), "", "task/web-0: connection refused")
    assert recommend(WIDE, 1, [unread]).why == "nothing is known of queue_length (task/web-0: connection refused)"


def follow(autoscale: Autoscale, values: list[float], current: int = 2) -> list[int]:
    """The counts at each recommendation, with every task at the value."""
    recent: Recent | None = None
    counts = []
    for turn, value in enumerate(values):
        found, recent = rescale(autoscale, current, [cpu(*[value] * current)], recent, turn * EVERY)
        current = found.replicas
        counts.append(current)
    return counts


def test_fewer_only_once_it_was_so_for_the_whole_window() -> None:
    autoscale = Autoscale(max=10, cpu=50, stabilization=Stabilization(down="60s"))
    assert follow(autoscale, [0, 0, 0, 0, 0, 0]) == [2, 2, 2, 2, 2, 1]
    # A moment of load within it begins it anew.
    assert follow(autoscale, [0, 0, 50, 0, 0, 0, 0, 0]) == [2, 2, 2, 2, 2, 2, 2, 1]


def test_more_only_once_it_was_so_for_the_whole_window() -> None:
    autoscale = Autoscale(max=10, cpu=50, stabilization=Stabilization(up="30s"))
    assert follow(autoscale, [100, 100, 100, 100]) == [2, 2, 2, 4]


def test_bounds_hold_at_once_and_between_two_recommendations_nothing_else_changes() -> None:
    recent = Recent(100.0, ((100.0, 5),))
    assert rescale(Autoscale(max=3, cpu=50), 5, [cpu(50)], recent, 101.0)[0].replicas == 3
    assert rescale(WIDE, 5, [cpu(500)], recent, 101.0)[0].replicas == 5


VALUES = st.one_of(st.none(), st.floats(0, 1e6))


@given(
    low=st.integers(1, 5),
    more=st.integers(0, 20),
    up=st.sampled_from([0, 20, 60]),
    down=st.sampled_from([0, 30, 300]),
    rounds=st.lists(st.lists(VALUES, min_size=1, max_size=4), max_size=40),
)
def test_it_keeps_its_bounds_and_its_windows(
    low: int, more: int, up: int, down: int, rounds: list[list[float | None]]
) -> None:
    autoscale = Autoscale(min=low, max=low + more, cpu=50, stabilization=Stabilization(up=up, down=down))
    current, recent, rose, fell = low, None, 0.0, float("-inf")
    for turn, values in enumerate(rounds):
        now = turn * EVERY
        spread = tuple(values[at % len(values)] for at in range(current))
        found, recent = rescale(autoscale, current, [cpu(*spread)], recent, now)
        assert low <= found.replicas <= low + more
        if found.replicas > current:
            assert now - fell >= up or up == 0
            rose = now
        if found.replicas < current:
            assert now - rose > down or down == 0
            fell = now
        current = found.replicas


def test_what_the_bounds_have_raised_falls_only_after_its_window() -> None:
    idle, raised = [cpu(0, 0)], Autoscale(min=2, max=3, cpu=50, stabilization=Stabilization(down="0s"))
    found, recent = rescale(raised, 1, idle, Recent(0.0, ((0.0, 1),)), 10.0)
    assert found.replicas == 2
    lowered = Autoscale(min=1, max=3, cpu=50, stabilization=Stabilization(down="25s"))
    counts = []
    for now in (20.0, 36.0):
        found, recent = rescale(lowered, 2, idle, recent, now)
        counts.append(found.replicas)
    assert counts == [2, 1], "10 s and 26 s after the bounds had called for two"
