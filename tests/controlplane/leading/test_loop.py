"""The loop itself, on a worker that only notes what it was given: terms, failures, sweeps, and its thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from controlplane.cluster import CacheChange
from controlplane.leading import FencedOut, LeaderLoop
from taskyard.store.api import Compare, Put, StoreUnavailable
from taskyard.store.faulty import FaultyStore
from taskyard.store.memory import MemoryStore
from tests.support.plane import Plane, a_task, a_uid


class Notes(LeaderLoop[str]):
    """Keys are names of tasks."""

    def __init__(self, plane: Plane) -> None:
        super().__init__(plane.means)
        self.rounds: list[list[str]] = []
        self.terms = 0
        self.fails: list[Exception] = []
        self.chokes_on: set[str] = set()
        self.more = False

    def begin_term(self) -> None:
        self.terms += 1

    def everything(self) -> Sequence[str]:
        return sorted(key.name for key in self.cache.tasks)

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[str]:
        return [change.key for change in changes if change.kind == "task"]

    def work(self, batch: Sequence[str], fence: Compare) -> bool:
        assert fence == self._fence()
        self.rounds.append(list(batch))
        if self.fails:
            raise self.fails.pop()
        if self.chokes_on & set(batch):
            raise RuntimeError("a value that nobody foresaw")
        more, self.more = self.more, False
        return more


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.add_task(a_task("a", a_uid(1)))
    plane.add_task(a_task("b", a_uid(2)))
    return plane


def test_it_does_nothing_until_it_leads(plane: Plane) -> None:
    notes = Notes(plane)
    plane.pump()
    assert not notes.step()
    assert notes.next_due() > plane.clock.monotonic()
    plane.lead()
    assert notes.step()
    assert (notes.rounds, notes.terms) == ([["a", "b"]], 1)
    assert not notes.step()


def test_a_change_makes_its_key_dirty_once(plane: Plane) -> None:
    notes = Notes(plane)
    plane.lead()
    notes.step()
    plane.add_task(a_task("b", a_uid(2)))
    plane.add_task(a_task("b", a_uid(2)))
    plane.pump()
    assert notes.next_due() == plane.clock.monotonic()
    notes.step()
    assert notes.rounds[1:] == [["b"]]


def test_a_key_that_makes_a_round_fail_holds_up_no_other(plane: Plane) -> None:
    notes = Notes(plane)
    notes.chokes_on = {"c"}
    for number, name in enumerate("cdefgh", 3):
        plane.add_task(a_task(name, a_uid(number)))
    plane.lead()
    for _ in range(3):
        with pytest.raises(RuntimeError, match="nobody foresaw"):
            notes.step()
        done = {key for batch in notes.rounds if "c" not in batch for key in batch}
        assert done == set("abdefgh")
        notes.rounds.clear()
        for _ in range(20):
            plane.clock.advance(3)
            plane.elector.step()


def test_a_fault_of_every_round_is_not_looked_for_in_each_key(plane: Plane) -> None:
    notes = Notes(plane)
    for number in range(1000):
        plane.add_task(a_task(f"t{number}", a_uid(number + 10)))
    notes.chokes_on = {"a", "b", *(f"t{number}" for number in range(1000))}
    plane.lead()
    with pytest.raises(RuntimeError):
        notes.step()
    assert len(notes.rounds) < 100
    assert sorted({key for batch in notes.rounds[1:] for key in batch}) == sorted(notes.rounds[0])


def test_a_round_that_the_store_fails_comes_up_again_with_all_its_keys(plane: Plane) -> None:
    notes = Notes(plane)
    plane.lead()
    notes.fails.append(StoreUnavailable("etcd is away"))
    with pytest.raises(StoreUnavailable):
        notes.step()
    assert not notes.step()
    plane.clock.advance(0.1)
    assert notes.step()
    assert notes.rounds == [["a", "b"], ["a", "b"]]


def test_work_left_over_is_done_without_waiting_for_a_key(plane: Plane) -> None:
    notes = Notes(plane)
    notes.more = True
    plane.lead()
    notes.step()
    assert notes.next_due() == plane.clock.monotonic()
    notes.step(timeout=1000)
    assert notes.rounds == [["a", "b"], []]


def test_once_fenced_out_it_waits_for_a_new_term(plane: Plane) -> None:
    notes = Notes(plane)
    plane.lead()
    notes.fails.append(FencedOut())
    notes.step()
    assert not notes.leading
    plane.add_task(a_task("c", a_uid(3)))
    plane.pump()
    assert not notes.step()
    plane.elector.resign()
    plane.lead()
    notes.step()
    assert (notes.rounds[1:], notes.terms) == ([["a", "b", "c"]], 2)


def test_every_minute_it_looks_at_everything(plane: Plane) -> None:
    notes = Notes(plane)
    plane.lead()
    notes.step()
    for _ in range(19):
        plane.clock.advance(3)
        plane.elector.step()
        assert not notes.step()
    assert notes.next_due() == pytest.approx(60)
    plane.clock.advance(3)
    plane.elector.step()
    assert notes.step()
    assert notes.rounds == [["a", "b"], ["a", "b"]]


def test_its_thread_lives_through_a_failure_and_stops_when_told(plane: Plane) -> None:
    notes = Notes(plane)
    notes.fails.append(RuntimeError("a bug"))
    plane.lead()
    stop = threading.Event()
    thread = threading.Thread(target=notes.run, args=(stop,), daemon=True)
    thread.start()
    try:
        _until(lambda: len(notes.rounds) >= 1)
        plane.clock.advance(0.1)
        notes.queue.add("c")
        _until(lambda: any("c" in batch for batch in notes.rounds))
    finally:
        stop.set()
        thread.join(timeout=10)
    assert not thread.is_alive()


def _until(condition: object, seconds: float = 10.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.01)


def test_a_term_that_was_in_doubt_for_a_moment_goes_on(plane: Plane) -> None:
    """Nothing is forgotten, but everything is looked at: what changed meanwhile was not noted."""
    notes = Notes(plane)
    plane.lead()
    notes.step()
    plane.clock.advance(9.5)
    assert not notes.step()
    assert not notes.leading
    plane.elector.step()
    assert notes.step()
    assert notes.leading
    assert (notes.rounds, notes.terms) == ([["a", "b"], ["a", "b"]], 1)


def test_a_new_term_waits_for_its_cache_and_is_not_the_old_one_meanwhile(plane: Plane) -> None:
    """Else its thread would spin: it only pauses when it does not lead."""
    notes = Notes(plane)
    plane.lead()
    notes.step()
    plane.elector.resign()
    plane.elector.step()
    assert plane.elector.leadership is not None
    assert not notes.step(timeout=1000)
    assert not notes.leading
    plane.pump()
    assert notes.step()
    assert notes.terms == 2


def test_a_store_that_was_restored_begins_a_new_term(plane: Plane) -> None:
    """The leader's key may have come back with the backup, but the revisions that were noted are of another history."""
    store = FaultyStore(plane.store)
    plane = Plane(clock=plane.clock, store=store)
    notes = Notes(plane)
    plane.lead()
    notes.step()
    for _ in range(10):
        plane.put("else", b"where")
    plane.pump()
    backup = MemoryStore(plane.clock)
    assert plane.elector.leadership is not None
    while backup.list("").revision < plane.elector.leadership.create_revision - 1:
        backup.commit([], [Put("filler", b"")])
    backup.commit([], [Put(plane.elector.key, b"")])
    store.replace(backup)
    plane.pump()
    notes.step()
    assert (notes.leading, notes.terms) == (True, 2)
