"""Which of what has ended goes now: by its age, by how many there are, and what never does."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from controlplane.garbage.decide import Decision, Ended, Keep, decide
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Metadata, Task, TaskSpec, encode
from taskyard.store.api import Entry

NOW = 1_700_000_000.0
DAY = 86_400.0
LONG_SEEN = 1e9


def ended(
    name: str,
    ago: float,
    *,
    ttl: float | None = None,
    source: str = "",
    loses_data: bool = False,
    namespace: str = "default",
) -> Ended:
    task = Task(metadata=Metadata(name=name, namespace=namespace, source=source), spec=TaskSpec(image="a:1"))
    entry = Entry(keys.task(namespace, name), encode(task), 1, 1, 1, 0)
    return Ended(task, entry, since=1, at=NOW - ago, ttl=ttl, rests_on=(), loses_data=loses_data)


def look(
    found: Sequence[Ended],
    keep: Keep = Keep(DAY, 3),  # noqa: B008
    *,
    needed: str = "",
    seen: float = LONG_SEEN,
    most: int = 100,
) -> Decision:
    seconds = {each.entry.key: seen for each in found}
    return decide(found, lambda _: keep, lambda key: key == ObjectKey("Task", "default", needed), seconds, NOW, most)


def names(decision: Decision) -> list[str]:
    return [each.ended.key.name for each in decision.collects]


@pytest.mark.parametrize(
    ("found", "goes"),
    [
        pytest.param(ended("a", DAY), True, id="as old as what is kept"),
        pytest.param(ended("a", DAY - 1), False, id="younger"),
        pytest.param(ended("a", DAY - 1, ttl=60.0), True, id="it says itself that it goes sooner"),
        pytest.param(ended("a", 2 * DAY, ttl=3 * DAY), False, id="it says itself that it stays longer"),
        pytest.param(ended("a", 9 * DAY, source="folder/demo"), False, id="a folder declares it"),
        pytest.param(
            ended("a", 9 * DAY, source="folder/demo", ttl=1.0), False, id="a folder declares it, and when it goes"
        ),
        pytest.param(ended("a", 9 * DAY, loses_data=True), False, id="data would go with it"),
        pytest.param(ended("a", 9 * DAY, loses_data=True, ttl=DAY), True, id="data goes with it, as was asked for"),
        pytest.param(ended("needed", 9 * DAY), False, id="somebody waits for it"),
        pytest.param(ended("needed", 9 * DAY, ttl=1.0), False, id="somebody waits for it, whatever it says itself"),
    ],
)
def test_what_goes(found: Ended, goes: bool) -> None:
    assert names(look([found], needed="needed")) == (["a"] if goes else [])


def test_the_oldest_beyond_the_number_go_once_they_could_be_seen() -> None:
    found = [ended(f"t{at}", ago) for at, ago in enumerate((10.0, 700.0, 900.0, 1000.0, 300.0, 2000.0))]
    decision = look(found)
    assert names(decision) == ["t5", "t3", "t2"]
    assert "3 that finished later" in decision.collects[0].why


def test_those_beyond_the_number_that_are_young_are_looked_at_when_they_are_not() -> None:
    decision = look([ended(f"t{at}", 100.0 + at) for at in range(4)])
    assert names(decision) == []
    assert decision.again_in == pytest.approx(600.0 - 103.0, abs=1.0)


def test_namespaces_are_counted_apart_and_what_says_itself_is_not_counted() -> None:
    found = [ended(f"t{at}", 1000.0) for at in range(3)]
    found += [ended(f"u{at}", 1000.0, namespace="other") for at in range(3)]
    found += [ended(f"v{at}", 1000.0, ttl=DAY) for at in range(3)]
    assert names(look(found)) == []


def test_a_clock_that_is_wrong_by_days_collects_nothing_that_has_just_ended() -> None:
    decision = look([ended("a", 30 * DAY)], seen=20.0)
    assert names(decision) == []
    assert decision.again_in == pytest.approx(580.0, abs=1.0)
    assert names(look([ended("a", 30 * DAY, ttl=10.0)], seen=20.0)) == ["a"]


def test_little_goes_at_once_the_oldest_first() -> None:
    decision = look([ended(f"t{at}", DAY + at) for at in range(5)], most=2)
    assert names(decision) == ["t4", "t3"]
    assert decision.more


def test_for_ever_and_any_number() -> None:
    decision = look([ended(f"t{at}", 999 * DAY) for at in range(50)], Keep(None, None))
    assert names(decision) == []
    assert decision.again_in is None
