"""What get and list promise, over both stores."""

from __future__ import annotations

import pytest

from taskyard.store.api import Compacted, Delete, Entry, Put, RequestRefused, Store


def put(store: Store, key: str, value: bytes = b"") -> int:
    return store.commit([], [Put(key, value)]).revision


def test_a_missing_key_is_none(store: Store) -> None:
    assert store.get("/a") is None


def test_an_entry_tells_its_history(store: Store) -> None:
    created = put(store, "/a", b"1")
    assert store.get("/a") == Entry("/a", b"1", created, created, 1, 0)
    changed = put(store, "/a", b"2")
    assert store.get("/a") == Entry("/a", b"2", created, changed, 2, 0)


def test_a_key_that_comes_back_begins_a_new_life(store: Store) -> None:
    put(store, "/a", b"1")
    deleted = store.commit([], [Delete("/a")]).revision
    assert store.get("/a") is None
    back = put(store, "/a", b"3")
    assert back == deleted + 1
    assert store.get("/a") == Entry("/a", b"3", back, back, 1, 0)


def test_a_key_can_be_read_as_it_was(store: Store) -> None:
    first = put(store, "/a", b"1")
    second = put(store, "/a", b"2")
    deleted = store.commit([], [Delete("/a")]).revision
    back = put(store, "/a", b"3")
    read = [store.get("/a", revision=revision) for revision in (first - 1, first, second, deleted, back)]
    assert [entry and entry.value for entry in read] == [None, b"1", b"2", None, b"3"]
    assert store.get("/never", revision=second) is None


def test_a_revision_that_is_gone_or_to_come_cannot_be_read(store: Store) -> None:
    first = put(store, "/a", b"1")
    put(store, "/a", b"2")
    last = put(store, "/a", b"3")
    store.compact(last)
    with pytest.raises(Compacted) as gone:
        store.get("/a", revision=first)
    assert gone.value.revision == last
    with pytest.raises(RequestRefused):
        store.get("/a", revision=last + 10)


def test_pages_are_the_list(store: Store) -> None:
    for number in range(30):
        put(store, f"/a/{number:02}", b"1")
    put(store, "/b")
    listing, pages = store.list("/a/"), list(store.pages("/a/"))
    assert tuple(entry for page in pages for entry in page.entries) == listing.entries
    assert {page.revision for page in pages} == {listing.revision}
    assert [page.entries for page in store.pages("/none/")] == [()]


def test_a_value_may_be_any_bytes(store: Store) -> None:
    value = bytes(range(256))
    put(store, "/a", value)
    put(store, "/empty", b"")
    assert [entry.value for entry in store.list("/").entries] == [value, b""]


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        pytest.param("/a/", ["/a/1", "/a/2", "/a/é"], id="folder"),
        pytest.param("/a", ["/a", "/a/1", "/a/2", "/a/é", "/a0"], id="stem"),
        pytest.param("/a/2", ["/a/2"], id="exact"),
        pytest.param("/c", [], id="nothing"),
        pytest.param("", ["/a", "/a/1", "/a/2", "/a/é", "/a0", "/b"], id="everything"),
    ],
)
def test_list_takes_what_starts_with_the_prefix_in_key_order(store: Store, prefix: str, expected: list[str]) -> None:
    for key in ("/b", "/a/2", "/a0", "/a/é", "/a", "/a/1"):
        put(store, key)
    assert [entry.key for entry in store.list(prefix).entries] == expected


def test_a_listing_is_as_of_its_revision(store: Store) -> None:
    put(store, "/a", b"1")
    first = put(store, "/b", b"1")
    store.commit([], [Put("/a", b"2"), Delete("/b"), Put("/c", b"2")])
    now = store.list("/")
    assert [(entry.key, entry.value) for entry in now.entries] == [("/a", b"2"), ("/c", b"2")]
    assert now.revision == first + 1
    then = store.list("/", revision=first)
    assert [(entry.key, entry.value) for entry in then.entries] == [("/a", b"1"), ("/b", b"1")]
    assert then.revision == first


def test_a_listing_of_nothing_still_has_the_revision(store: Store) -> None:
    revision = put(store, "/a")
    assert store.list("/z").revision == revision


def test_the_future_is_refused(store: Store) -> None:
    revision = put(store, "/a")
    with pytest.raises(RequestRefused, match="future"):
        store.list("/", revision=revision + 1)
