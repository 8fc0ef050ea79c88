"""What commit promises, over both stores."""

from __future__ import annotations

import threading

import pytest

from taskyard.store.api import (
    MAX_OPERATIONS,
    Compare,
    Delete,
    Operation,
    Put,
    RequestRefused,
    Store,
    absent,
    same_life,
    unchanged,
    unchanged_since,
)


def test_all_operations_share_one_revision(store: Store) -> None:
    before = store.commit([], [Put("/old", b"")]).revision
    done = store.commit([], [Put("/a", b"1"), Delete("/old"), Put("/b", b"2")])
    assert done.succeeded
    assert done.revision == before + 1
    assert done.current == {}
    assert [(entry.key, entry.mod_revision) for entry in store.list("/").entries] == [
        ("/a", done.revision),
        ("/b", done.revision),
    ]


@pytest.mark.parametrize(
    ("key", "target", "offset", "holds"),
    [
        pytest.param("/twice", "create", 0, True, id="create-as-it-was"),
        pytest.param("/twice", "create", 1, False, id="create-other"),
        pytest.param("/twice", "mod", 1, True, id="mod-as-it-was"),
        pytest.param("/twice", "mod", 0, False, id="mod-before-the-change"),
        pytest.param("/twice", "mod", 2, False, id="mod-other"),
        pytest.param("/deleted", "mod", 0, False, id="deleted"),
    ],
)
def test_compares_with_a_revision(store: Store, key: str, target: str, offset: int, holds: bool) -> None:
    first = store.commit([], [Put("/twice", b"1"), Put("/deleted", b"1")]).revision
    store.commit([], [Put("/twice", b"2"), Delete("/deleted")])
    compare = Compare(key, "create" if target == "create" else "mod", first + offset)
    assert store.commit([compare], [Put("/done", b"")]).succeeded is holds
    assert (store.get("/done") is not None) is holds


def test_zero_stands_for_a_key_that_is_not_there(store: Store) -> None:
    assert store.commit([absent("/a"), unchanged_since("/b", 0)], [Put("/a", b"")]).succeeded
    assert not store.commit([absent("/a")], [Put("/c", b"")]).succeeded
    assert not store.commit([unchanged_since("/a", 0)], [Put("/c", b"")]).succeeded
    assert store.get("/c") is None


def test_a_failed_commit_changes_nothing_and_shows_what_is_there(store: Store) -> None:
    revision = store.commit([], [Put("/a", b"1")]).revision
    done = store.commit([absent("/missing"), absent("/a"), same_life("/a", 1)], [Put("/b", b""), Delete("/a")])
    assert not done.succeeded
    assert done.revision == revision
    assert done.current == {"/missing": None, "/a": store.get("/a")}
    assert store.list("/").revision == revision


def test_an_update_ends_unchanged_but_not_the_life(store: Store) -> None:
    store.commit([], [Put("/a", b"1")])
    seen = store.get("/a")
    assert seen is not None
    store.commit([], [Put("/a", b"1")])
    assert not store.commit([unchanged(seen)], []).succeeded
    assert store.commit([same_life("/a", seen.create_revision)], []).succeeded
    store.commit([], [Delete("/a")])
    store.commit([], [Put("/a", b"1")])
    assert not store.commit([same_life("/a", seen.create_revision)], []).succeeded


@pytest.mark.parametrize(
    "operations",
    [pytest.param([], id="none"), pytest.param([Delete("/missing")], id="delete-of-nothing")],
)
def test_a_commit_that_changes_nothing_takes_no_revision(store: Store, operations: list[Operation]) -> None:
    revision = store.commit([], [Put("/a", b"")]).revision
    done = store.commit([absent("/missing")], operations)
    assert done.succeeded
    assert done.revision == revision
    assert store.list("/").revision == revision


def test_the_largest_commit(store: Store) -> None:
    keys = [f"/many/{number:03d}" for number in range(MAX_OPERATIONS)]
    operations = [Put(key, b"") for key in keys]
    assert store.commit([absent(key) for key in keys], operations).succeeded
    again = store.commit([absent(key) for key in keys], operations)
    assert not again.succeeded
    assert sorted(again.current) == keys
    assert all(again.current.values())


@pytest.mark.parametrize(
    ("compares", "operations", "why"),
    [
        pytest.param([], [Put(f"/{n}", b"") for n in range(MAX_OPERATIONS + 1)], "too many", id="too-many-operations"),
        pytest.param([absent(f"/{n}") for n in range(MAX_OPERATIONS + 1)], [], "too many", id="too-many-compares"),
        pytest.param([], [Put("/a", b"1"), Put("/a", b"2")], "twice|duplicate", id="key-put-twice"),
        pytest.param([], [Put("/a", b"1"), Delete("/a")], "twice|duplicate", id="key-put-and-deleted"),
        pytest.param([], [Put("", b"1")], "key", id="empty-key"),
        pytest.param([], [Put("/a", bytes(1_600_000))], "large|bytes", id="too-large"),
    ],
)
def test_what_no_repetition_can_help_is_refused(
    store: Store, compares: list[Compare], operations: list[Operation], why: str
) -> None:
    before = store.list("/")
    with pytest.raises(RequestRefused, match=why):
        store.commit(compares, operations)
    assert store.list("/") == before


def test_concurrent_writers_lose_no_update(store: Store) -> None:
    store.commit([], [Put("/counter", b"0")])
    failures = []

    def count(times: int) -> None:
        for _ in range(times):
            while True:
                seen = store.get("/counter")
                assert seen is not None
                if store.commit([unchanged(seen)], [Put("/counter", b"%d" % (int(seen.value) + 1))]).succeeded:
                    break
                failures.append(seen)

    threads = [threading.Thread(target=count, args=(25,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    final = store.get("/counter")
    assert final is not None
    assert final.value == b"100"
    assert final.version == 101


def test_commits_that_are_on_their_way_together_are_each_answered(store: Store) -> None:
    answers = [store.begin_commit([absent(f"/k{n:02}")], [Put(f"/k{n:02}", b"")]) for n in range(20)]
    done = [answer() for answer in answers]
    assert all(each.succeeded for each in done)
    assert {each.revision for each in done} == {entry.mod_revision for entry in store.list("/k").entries}
    assert len({each.revision for each in done}) == 20
    answers = [
        store.begin_commit([absent("/k00")], [Put("/k00", b"again")]),
        store.begin_commit([], [Put("/last", b"")]),
    ]
    taken, last = (answer() for answer in answers)
    assert (taken.succeeded, last.succeeded) == (False, True)
    assert taken.current["/k00"] == store.get("/k00")


def test_what_a_commit_on_its_way_raises_comes_with_its_answer(store: Store) -> None:
    answer = store.begin_commit([], [Put("/a", bytes(3_000_000))])
    with pytest.raises(RequestRefused):
        answer()
    assert store.get("/a") is None
