"""Which nodes are lost and which of them are held back, for stories of nodes that come and go."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from controlplane.nodeloss import PERIOD, Losses, Sighting, observe, outlook
from taskyard.objects import OnNodeLoss


@dataclass(frozen=True)
class Look:
    """At `at` seconds: the nodes that are ready, one letter each, and those confirmed to be gone."""

    at: float
    ready: str
    confirmed: str = ""


def story(nodes: str, *looks: Look) -> Losses:
    """Each of `nodes` holds tasks; others may be ready too."""
    losses = Losses()
    for look in looks:
        away = frozenset(nodes) - frozenset(look.ready)
        seen = Sighting(frozenset(look.ready), away, away, frozenset(look.confirmed))
        losses = observe(losses, seen, look.at)
    return losses


@pytest.mark.parametrize(
    ("nodes", "looks", "lost", "held"),
    [
        pytest.param("abc", [Look(0, "abc")], "", "", id="all there"),
        pytest.param("abc", [Look(0, "abc"), Look(1, "ab")], "c", "", id="one of three"),
        pytest.param("a", [Look(0, "a"), Look(1, "")], "a", "", id="the only one"),
        pytest.param("ab", [Look(0, "ab"), Look(1, "a")], "b", "", id="half is not more than half"),
        pytest.param("abcd", [Look(0, "abcd"), Look(1, "ab")], "cd", "", id="two of four"),
        pytest.param("abc", [Look(0, "abc"), Look(1, "a")], "bc", "bc", id="two of three at once"),
        pytest.param("abc", [Look(0, "abc"), Look(1, "ab"), Look(10, "a")], "bc", "bc", id="within one period"),
        pytest.param("abc", [Look(0, "abc"), Look(1, "ab"), Look(11.5, "a")], "bc", "", id="one after the other"),
        pytest.param("abc", [Look(0, "")], "abc", "abc", id="a new leader that finds none"),
        pytest.param("abc", [Look(0, "ab")], "c", "", id="a new leader that finds one lost"),
        pytest.param(
            "abcde", [Look(0, "abcde"), Look(1, "ab"), Look(90, "a")], "bcde", "bcde", id="another during a mass loss"
        ),
        pytest.param(
            "abcde", [Look(0, "abcde"), Look(1, "ab"), Look(500, "ab")], "cde", "cde", id="time alone does not end it"
        ),
        pytest.param("abc", [Look(0, "abc"), Look(1, "a"), Look(9, "adefgh")], "bc", "bc", id="nor do nodes that join"),
        pytest.param("abc", [Look(0, "abc"), Look(1, ""), Look(9, "ab")], "c", "", id="most are back"),
        pytest.param("abcd", [Look(0, "abcd"), Look(1, ""), Look(9, "a")], "bcd", "bcd", id="too few are back"),
        pytest.param(
            "abcd", [Look(0, "abcd"), Look(1, "a"), Look(2, "a", "b")], "bcd", "cd", id="one confirmed, two held"
        ),
        pytest.param(
            "abcd", [Look(0, "abcd"), Look(1, "a"), Look(2, "a", "bcd")], "bcd", "", id="all lost ones confirmed"
        ),
        pytest.param("abc", [Look(0, "abc", "b"), Look(1, "a", "b")], "bc", "", id="confirmed before it is lost"),
    ],
)
def test_what_is_lost_and_what_is_held_back(nodes: str, looks: list[Look], lost: str, held: str) -> None:
    losses = story(nodes, *looks)
    assert "".join(sorted(losses.lost)) == lost
    assert "".join(sorted(losses.held)) == held


@pytest.mark.parametrize(
    ("looks", "wish", "due"),
    [
        pytest.param([Look(0, "abcde"), Look(5, "abcd")], OnNodeLoss(), 5.0, id="by default at once"),
        pytest.param([Look(0, "abcde"), Look(5, "abcd")], OnNodeLoss(after="1m"), 65.0, id="its own delay"),
        pytest.param([Look(0, "abcde"), Look(5, "abcd"), Look(9, "abcd")], OnNodeLoss(), 5.0, id="looked at again"),
        pytest.param(
            [Look(0, "abcde"), Look(5, "abcd"), Look(7, "abc")],
            OnNodeLoss(after="4s"),
            7 + PERIOD,
            id="others vanish: not before that has shown its extent",
        ),
        pytest.param(
            [Look(0, "abcde"), Look(5, "a"), Look(60, "abcd")], OnNodeLoss(), 60.0, id="after a mass loss, counted anew"
        ),
        pytest.param([Look(0, "abcde"), Look(5, "a")], OnNodeLoss(), None, id="never during a mass loss"),
        pytest.param([Look(0, "abcde"), Look(5, "abcd")], OnNodeLoss(policy="stay"), None, id="it stays"),
        pytest.param(
            [Look(0, "abcde"), Look(5, "abcd"), Look(8, "abcde"), Look(9, "abcd")], OnNodeLoss(), 9.0, id="lost again"
        ),
    ],
)
def test_when_a_task_is_placed_again(looks: list[Look], wish: OnNodeLoss, due: float | None) -> None:
    found = outlook(story("abcde", *looks), "e", wish)
    assert found is not None
    assert found.due == due


def test_nothing_is_said_of_a_node_that_is_back() -> None:
    losses = story("ab", Look(0, "ab"), Look(1, "a"), Look(2, "ab"))
    assert outlook(losses, "b", OnNodeLoss()) is None


def test_an_idle_node_that_left_nothing_is_forgotten_after_a_while() -> None:
    losses = observe(Losses(), Sighting(frozenset("abc")), 0)
    losses = observe(losses, Sighting(frozenset("ab")), 1)
    assert set(losses.lost) == {"c"}
    losses = observe(losses, Sighting(frozenset("ab")), 1 + PERIOD)
    assert not losses.lost


def test_idle_nodes_count_for_a_mass_loss() -> None:
    losses = observe(Losses(), Sighting(frozenset("abc")), 0)
    losses = observe(losses, Sighting(frozenset("a"), holding=frozenset("b")), 1)
    assert losses.held == {"b", "c"}


def test_longer_leases_take_longer_to_show_what_vanished_together() -> None:
    losses = observe(Losses(), Sighting(frozenset("abc"), period=60), 0)
    losses = observe(losses, Sighting(frozenset("ab"), frozenset("c"), period=60), 1)
    losses = observe(losses, Sighting(frozenset("a"), frozenset("bc"), period=60), 41)
    assert losses.held == {"b", "c"}
