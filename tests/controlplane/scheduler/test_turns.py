"""Who is placed next."""

from __future__ import annotations

from controlplane.scheduler.turns import Turn, Turns
from taskyard.keys import NamedKey


def a_turn(name: str, priority: int = 0, created_at: str = "") -> Turn:
    return -priority, created_at, NamedKey("default", name)


def names(keys: list[NamedKey]) -> list[str]:
    return [key.name for key in keys]


def test_the_most_important_goes_first_then_the_oldest_then_by_name() -> None:
    turns = Turns()
    for turn in (a_turn("b"), a_turn("a"), a_turn("old", created_at="!"), a_turn("first", 5), a_turn("young", 0, "z")):
        turns.put(turn)
    assert names(turns.take(2)) == ["first", "a"]
    assert len(turns) == 3
    assert names(turns.take(10)) == ["b", "old", "young"]
    assert turns.take(1) == []


def test_a_task_has_one_turn_the_last_that_it_was_given() -> None:
    turns = Turns()
    turns.put(a_turn("a", 1))
    turns.put(a_turn("b", 2))
    turns.put(a_turn("a", 3))
    assert names(turns.take(10)) == ["a", "b"]


def test_one_that_was_removed_comes_up_only_when_it_is_put_again() -> None:
    turns = Turns()
    turns.put(a_turn("a"))
    turns.remove(NamedKey("default", "a"))
    assert (len(turns), turns.take(1)) == (0, [])
    turns.put(a_turn("a"))
    turns.remove(NamedKey("default", "a"))
    turns.put(a_turn("a"))
    assert names(turns.take(10)) == ["a"]
    assert len(turns) == 0
