"""Sets of indexes, and how outcomes are entered into a job's record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from controlplane.jobs.ledger import wait_before
from taskyard.indexes import BadIndexes, Indexes
from taskyard.objects import RetryBackoff


@given(some.sets(some.integers(0, 60)), some.sets(some.integers(0, 60)))
def test_indexes_are_a_set_that_reads_what_it_writes(first: set[int], second: set[int]) -> None:
    indexes = Indexes().with_all(first).with_all(second)
    assert list(indexes) == sorted(first | second)
    assert len(indexes) == len(first | second)
    assert Indexes.parse(str(indexes)).spans == indexes.spans
    assert list(indexes.missing(61)) == sorted(set(range(61)) - first - second)
    assert [at for at in range(61) if at in indexes] == sorted(first | second)
    assert str(Indexes().with_all(first) | Indexes().with_all(second)) == str(indexes)


def test_indexes_are_written_short() -> None:
    assert str(Indexes.parse("7,0-3,4")) == "0-4,7"
    assert str(Indexes.parse("")) == ""


@pytest.mark.parametrize("text", ["a", "1-", "3-1", "1,,2", "-1", "1 2"])
def test_what_is_no_set_of_indexes_is_refused(text: str) -> None:
    with pytest.raises(BadIndexes):
        Indexes.parse(text)


def test_each_wait_is_twice_the_one_before_up_to_the_longest() -> None:
    backoff = RetryBackoff(initial="10s", max="1m")
    assert [wait_before(backoff, attempt) for attempt in (1, 2, 3, 4, 1000)] == [10, 20, 40, 60, 60]
