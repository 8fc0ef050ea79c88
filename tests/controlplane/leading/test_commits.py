"""Batches of fenced decisions: within etcd's limits, and what becomes of each when a transaction fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controlplane.leading import Proposal, commit_all, committing
from taskyard.clock import ManualClock
from taskyard.store.api import Compare, Delete, Operation, Put, absent, same_life, unchanged_since
from taskyard.store.faulty import Fault, FaultyStore
from taskyard.store.memory import MemoryStore

LEADER = "/leader"


@pytest.fixture
def store() -> FaultyStore:
    store = FaultyStore(MemoryStore(ManualClock()))
    store.commit([], [Put(LEADER, b"me")])
    return store


@pytest.fixture
def fence(store: FaultyStore) -> Compare:
    entry = store.get(LEADER)
    assert entry is not None
    return same_life(LEADER, entry.create_revision)


def create(number: int, *, keys: int = 1, size: int = 1) -> Proposal[int]:
    puts: tuple[Operation, ...] = tuple(Put(f"/k{number:03}.{i}", b"v" * size) for i in range(keys))
    return Proposal(number, tuple(absent(put.key) for put in puts), puts)


def revisions(store: FaultyStore) -> list[int]:
    """Of each commit, the number of keys it wrote."""
    written = [entry.mod_revision for entry in store.list("/k").entries]
    return [written.count(revision) for revision in sorted(set(written))]


@pytest.mark.parametrize(
    ("proposals", "expected"),
    [
        pytest.param([create(n) for n in range(300)], [127, 127, 46], id="compares, the fence among them"),
        pytest.param([create(n, keys=50) for n in range(5)], [100, 100, 50], id="never splitting a proposal"),
        pytest.param([create(n, size=400_000) for n in range(5)], [2, 2, 1], id="bytes"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_batches_stay_within_the_limits(
    store: FaultyStore, fence: Compare, proposals: list[Proposal[int]], expected: list[int]
) -> None:
    results = commit_all(store, fence, proposals)
    assert revisions(store) == expected
    assert [proposal.subject for proposal, _ in results.committed] == [proposal.subject for proposal in proposals]


def test_each_is_made_when_the_store_has_those_before_it(store: FaultyStore, fence: Compare) -> None:
    made: list[int] = []

    def making() -> Iterator[Proposal[int]]:
        for number in range(127 * 12):
            made.append(number)
            yield create(number)

    answers = committing(store, fence, making())
    first = next(answers)
    assert [proposal.subject for proposal, _ in first.committed] == list(range(127))
    assert len(made) == 127 * 8 + 1, (
        "eight transactions are on their way, and it takes one more to see that one is full"
    )
    assert [len(answer.committed) for answer in answers] == [127] * 11


def test_a_compare_that_many_share_counts_once(store: FaultyStore, fence: Compare) -> None:
    node = same_life(LEADER, fence.revision)
    proposals = [Proposal(n, (node,), (Put(f"/k{n:03}", b""),)) for n in range(128)]
    commit_all(store, fence, proposals)
    assert revisions(store) == [128]


def test_only_what_is_stale_is_left_out(store: FaultyStore, fence: Compare) -> None:
    store.commit([], [Put("/k003.0", b"taken"), Put("/k007.0", b"v")])
    results = commit_all(store, fence, [create(n) for n in range(10)])
    assert [(s.proposal.subject, s.done_before) for s in results.stale] == [(3, False), (7, True)]
    assert [proposal.subject for proposal, _ in results.committed] == [0, 1, 2, 4, 5, 6, 8, 9]
    taken = results.stale[0].current["/k003.0"]
    assert taken is not None
    assert taken.value == b"taken"


def test_a_lost_fence_ends_it(store: FaultyStore, fence: Compare) -> None:
    store.commit([], [Delete(LEADER)])
    results = commit_all(store, fence, [create(n) for n in range(200)])
    assert results.fenced_out
    assert [p.subject for p in results.untried] == list(range(200))
    assert store.list("/k").entries == ()


@pytest.mark.parametrize("fault", ["answer lost", "request lost", "unreachable"])
def test_nothing_more_is_sent_after_the_first_answer_that_does_not_come(
    store: FaultyStore, fence: Compare, fault: Fault
) -> None:
    """Seven transactions were on their way by then."""
    store.fail("commit", fault)
    results = commit_all(store, fence, [create(n) for n in range(127 * 10)])
    assert [p.subject for p in results.unknown] == list(range(127))
    assert [p.subject for p, _ in results.committed] == list(range(127, 127 * 8))
    assert [p.subject for p in results.untried] == list(range(127 * 8, 127 * 10))
    again = commit_all(store, fence, results.unknown)
    done_before = [s.proposal.subject for s in again.stale if s.done_before]
    assert (len(done_before), len(again.committed)) == ((127, 0) if fault == "answer lost" else (0, 127))


def test_one_that_the_store_refuses_holds_nobody_up(store: FaultyStore, fence: Compare) -> None:
    results = commit_all(store, fence, [create(0), create(1, size=2_000_000), create(2)])
    assert [proposal.subject for proposal, _ in results.committed] == [0, 2]
    ((refused, reason),) = results.refused
    assert refused.subject == 1
    assert "1572864" in reason


def test_a_batch_refused_as_a_whole_goes_one_by_one(
    store: FaultyStore, fence: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskyard.store.memory.MAX_REQUEST_BYTES", 1_000)
    results = commit_all(store, fence, [create(n, size=400) for n in range(4)])
    assert revisions(store) == [1, 1, 1, 1]
    assert results.refused == []


def test_two_decisions_that_contradict_each_other_do_not_both_happen(store: FaultyStore, fence: Compare) -> None:
    store.commit([], [Put("/shared", b"")])
    entry = store.get("/shared")
    assert entry is not None
    old = Proposal("old", (unchanged_since("/shared", entry.mod_revision - 1),), (Put("/k1", b""),))
    new = Proposal("new", (unchanged_since("/shared", entry.mod_revision),), (Put("/k2", b""),))
    results = commit_all(store, fence, [old, new])
    assert [s.proposal.subject for s in results.stale] == ["old"]
    assert [proposal.subject for proposal, _ in results.committed] == ["new"]
