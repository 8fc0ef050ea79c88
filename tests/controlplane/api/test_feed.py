"""The feed forgets, but never without saying so."""

from __future__ import annotations

import pytest

from controlplane.api.watching.feed import Feed, TooOld, Update


def filled(*revisions: int, capacity: int = 100, start: int = 1) -> Feed[str]:
    feed: Feed[str] = Feed(capacity)
    feed.restart(start)
    feed.append([Update(revision, None, str(revision)) for revision in revisions])
    return feed


def read_all(feed: Feed[str], position: int) -> list[str]:
    found: list[str] = []
    while True:
        updates, position = feed.read(position, 2)
        if not updates:
            return found
        found += [update.after or "" for update in updates]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [(1, ["5", "6", "6", "9"]), (4, ["5", "6", "6", "9"]), (5, ["6", "6", "9"]), (6, ["9"]), (9, []), (20, [])],
)
def test_reading_on_from_a_revision(seen: int, expected: list[str]) -> None:
    feed = filled(5, 6, 6, 9)
    assert read_all(feed, feed.position(seen)) == expected


def test_a_watch_that_breaks_inside_a_revision_loses_nothing() -> None:
    feed: Feed[str] = Feed()
    feed.restart(1)
    feed.append([Update(revision, None, name) for revision, name in ((5, "a"), (6, "b"), (6, "c"), (6, "d"), (9, "e"))])
    updates, _ = feed.read(feed.position(1))
    assert [update.resume for update in updates] == [5, 5, 5, 6, 9]
    for index, update in enumerate(updates):
        not_seen = {each.after for each in updates[index + 1 :]}
        assert not_seen <= set(read_all(feed, feed.position(update.resume)))


def test_what_is_dropped_is_too_old() -> None:
    feed = filled(2, 3, 4, 5, 6, capacity=3)
    assert read_all(feed, feed.position(3)) == ["4", "5", "6"]
    with pytest.raises(TooOld, match="only since 3"):
        feed.position(2)


def test_before_the_start_is_too_old() -> None:
    with pytest.raises(TooOld):
        filled(8, start=7).position(6)


def test_a_revision_that_was_dropped_in_part_is_too_old() -> None:
    feed = filled(2, 3, 3, 3, capacity=2)
    with pytest.raises(TooOld):
        feed.position(2)


def test_a_reader_that_falls_behind_is_told() -> None:
    feed = filled(2, 3, capacity=3)
    position = feed.position(1)
    feed.append([Update(revision, None, str(revision)) for revision in (4, 5, 6)])
    with pytest.raises(TooOld, match="more slowly"):
        feed.read(position)


def test_a_restart_leaves_every_reader_behind() -> None:
    feed = filled(2, 3)
    position = feed.position(3)
    feed.restart(1)
    with pytest.raises(TooOld):
        feed.read(position)


def test_listeners_are_woken_until_they_leave() -> None:
    feed = filled()
    woken: list[int] = []
    listener = lambda: woken.append(1)  # noqa: E731
    feed.listen(listener)
    feed.append([Update(2, None, "2")])
    feed.forget(listener)
    feed.append([Update(3, None, "3")])
    assert len(woken) == 1
