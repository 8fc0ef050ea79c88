"""A failing run is made small, fails in the same way, and can be repeated."""

from __future__ import annotations

from dataclasses import replace

import click
import pytest

from simulator.__main__ import again, main
from simulator.cluster import Cluster
from simulator.numbers import NumbersType, written
from simulator.settings import Settings
from simulator.shrink import kind_of, shrink
from tests.simulator.planted import PLANTED

BIG = Settings(nodes=3, tasks=12, minutes=1.5, faults_per_minute=30.0)


def test_of_many_faults_few_are_left_and_the_run_can_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED["adoption off"].switch_off(monkeypatch)
    runs = (Cluster(seed, BIG).run() for seed in range(20))
    found = next(outcome for outcome in runs if outcome.violation and outcome.faults > 20)
    small, outcome = shrink(found.seed, BIG, found)
    assert kind_of(outcome.violation) == kind_of(found.violation)
    assert small.only_faults is not None
    assert small.only_requests is not None
    assert len(small.only_faults) <= 3
    for each in small.only_requests:
        fewer = Cluster(found.seed, replace(small, only_requests=small.only_requests - {each})).run()
        assert kind_of(fewer.violation) != kind_of(found.violation), f"request {each} can be spared"
    once_more = Cluster(found.seed, small).run(trace=True)
    assert (once_more.violation, once_more.story) == (outcome.violation, outcome.story)


def test_what_is_left_out_changes_nothing_of_the_rest() -> None:
    everything = Cluster(3, BIG).run()
    spelled_out = Settings(
        **{
            **{name: getattr(BIG, name) for name in ("nodes", "tasks", "minutes", "faults_per_minute")},
            "only_faults": frozenset(range(everything.faults)),
            "only_requests": frozenset(range(everything.requests)),
        }
    )
    again = Cluster(3, spelled_out).run()
    assert (again.steps, again.writes) == (everything.steps, everything.writes)
    alone = replace(BIG, only_faults=frozenset(), only_requests=frozenset({0}))
    calm = Cluster(3, alone).run(trace=True)
    assert [line for line in calm.trace.splitlines() if "user: " in line] == [
        line for line in calm.trace.splitlines() if "user: apply t000" in line
    ]


def test_the_budget_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED["foreign containers taken"].switch_off(monkeypatch)
    found = next(outcome for outcome in (Cluster(seed, BIG).run() for seed in range(20)) if outcome.violation)
    small, outcome = shrink(found.seed, BIG, found, budget=0)
    assert outcome is found
    assert len(small.only_faults or ()) == found.faults


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("two assignments: n01, n03", "two assignments: n02, n03", True, id="nodes"),
        pytest.param("t003 was lost: cp1-2/user", "t011 was lost: cp2-9/user", True, id="tasks"),
        pytest.param("t003 was lost", "t003 was found", False, id="another rule"),
    ],
)
def test_the_kind_of_a_violation(one: str, other: str, same: bool) -> None:
    assert (kind_of(one) == kind_of(other)) is same


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        pytest.param("none", set(), id="none"),
        pytest.param("3", {3}, id="one"),
        pytest.param("3,7-9", {3, 7, 8, 9}, id="a range"),
    ],
)
def test_numbers_are_read_as_they_are_written(text: str, numbers: set[int]) -> None:
    assert NumbersType().convert(text, None, None) == numbers
    assert written(frozenset(numbers)) == text


@pytest.mark.parametrize("text", ["", "x", "3-", "-3", "1,,2", "1-99999999999"])
def test_other_numbers_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="no number and no range"):
        NumbersType().convert(text, None, None)


def test_the_command_that_is_printed_is_understood() -> None:
    command = again(57, Settings(only_faults=frozenset({3}), only_requests=frozenset()))
    words = command.split()
    assert words[:2] == ["taskyard", "simulate"]
    parsed = main.make_context("simulate", words[2:]).params
    assert (parsed["start"], parsed["only_faults"], parsed["only_requests"]) == (57, {3}, frozenset())
