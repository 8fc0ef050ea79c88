from __future__ import annotations

import threading

import pytest

from taskyard.clock import ManualClock
from taskyard.store.workqueue import WorkQueue


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def queue(clock: ManualClock) -> WorkQueue[str]:
    return WorkQueue(clock, backoff_initial=1.0, backoff_max=5.0)


def drain(queue: WorkQueue[str]) -> list[str]:
    taken = []
    while (key := queue.get(0)) is not None:
        taken.append(key)
        queue.done(key)
    return taken


def test_a_key_added_often_while_it_waits_is_one_piece_of_work_in_the_first_place(queue: WorkQueue[str]) -> None:
    for key in ("a", "b", "a", "c", "b"):
        queue.add(key)
    assert len(queue) == 3
    assert drain(queue) == ["a", "b", "c"]


def test_a_key_added_while_it_is_worked_on_waits_until_that_is_done(queue: WorkQueue[str]) -> None:
    queue.add("a")
    assert queue.get(0) == "a"
    queue.add("a")
    queue.add("a")
    assert queue.get(0) is None
    queue.done("a")
    assert drain(queue) == ["a"]


def test_a_key_that_was_worked_on_can_come_again(queue: WorkQueue[str]) -> None:
    queue.add("a")
    assert drain(queue) == ["a"]
    queue.add("a")
    assert drain(queue) == ["a"]


def test_all_that_wait_are_taken_in_one_go(queue: WorkQueue[str], clock: ManualClock) -> None:
    queue.add_all(["a", "b", "a", "c"])
    queue.add_after("d", 5)
    assert queue.get_all(0) == ["a", "b", "c"]
    assert queue.get_all(0) == []
    queue.add_all(["b", "e"])
    clock.advance(5)
    assert queue.get_all(0) == ["e", "d"]
    queue.done_all(["a", "b", "c", "d", "e"])
    assert drain(queue) == ["b"]


def test_done_without_get_changes_nothing(queue: WorkQueue[str]) -> None:
    queue.add("a")
    queue.done("a")
    assert drain(queue) == ["a"]


def test_a_delayed_key_comes_when_it_is_due(queue: WorkQueue[str], clock: ManualClock) -> None:
    queue.add_after("a", 10)
    assert queue.next_due() == 10
    clock.advance(9.9)
    assert (len(queue), queue.get(0)) == (0, None)
    clock.advance(0.1)
    assert len(queue) == 1
    assert drain(queue) == ["a"]
    assert queue.next_due() is None


@pytest.mark.parametrize("delays", [pytest.param((10, 3), id="sooner"), pytest.param((3, 10), id="later")])
def test_of_two_delays_the_earlier_counts_and_only_that(
    queue: WorkQueue[str], clock: ManualClock, delays: tuple[float, float]
) -> None:
    for delay in delays:
        queue.add_after("a", delay)
    assert queue.next_due() == 3
    clock.advance(3)
    assert drain(queue) == ["a"]
    clock.advance(100)
    assert drain(queue) == []


@pytest.mark.parametrize("delay", [0.0, -1.0])
def test_a_delay_that_is_over_is_none(queue: WorkQueue[str], delay: float) -> None:
    queue.add_after("a", delay)
    assert drain(queue) == ["a"]


def test_delayed_keys_come_in_the_order_they_are_due(queue: WorkQueue[str], clock: ManualClock) -> None:
    for key, delay in (("c", 3), ("a", 1), ("b", 1)):
        queue.add_after(key, delay)
    clock.advance(5)
    assert drain(queue) == ["a", "b", "c"]


def test_a_delay_does_not_keep_a_key_from_being_added_now(queue: WorkQueue[str], clock: ManualClock) -> None:
    queue.add_after("a", 10)
    queue.add("a")
    assert drain(queue) == ["a"]
    clock.advance(10)
    assert drain(queue) == ["a"]


def test_retries_back_off_per_key_up_to_a_limit_and_forget_starts_over(
    queue: WorkQueue[str], clock: ManualClock
) -> None:
    waits = []
    for _ in range(5):
        queue.retry("a")
        due = queue.next_due()
        assert due is not None
        waits.append(due - clock.monotonic())
        clock.advance(waits[-1])
        assert drain(queue) == ["a"]
    assert waits == [1, 2, 4, 5, 5]
    queue.retry("b")
    assert queue.next_due() == clock.monotonic() + 1
    clock.advance(1)
    assert drain(queue) == ["b"]
    queue.forget("a")
    queue.retry("a")
    assert queue.next_due() == clock.monotonic() + 1


def test_a_key_that_fails_for_ever_does_not_overflow(queue: WorkQueue[str], clock: ManualClock) -> None:
    for _ in range(2000):
        queue.retry("a")
        clock.advance(5)
        assert drain(queue) == ["a"]


@pytest.mark.parametrize("wake", ["add", "shut_down"])
def test_a_waiting_get_wakes(queue: WorkQueue[str], wake: str) -> None:
    taken: list[str | None] = []
    thread = threading.Thread(target=lambda: taken.append(queue.get(60)))
    thread.start()
    if wake == "add":
        queue.add("a")
    else:
        queue.shut_down()
    thread.join(10)
    assert taken == ["a" if wake == "add" else None]


def test_a_get_that_waits_ends_after_its_timeout_though_virtual_time_stands_still(queue: WorkQueue[str]) -> None:
    queue.add_after("a", 0.02)
    assert queue.get(0.05) is None


def test_after_shut_down_nothing_comes(queue: WorkQueue[str], clock: ManualClock) -> None:
    queue.add("a")
    queue.add_after("b", 1)
    queue.shut_down()
    clock.advance(1)
    assert queue.get(0) is None
    queue.add("c")
    assert queue.get(0) is None


def test_two_workers_never_have_the_same_key() -> None:
    queue: WorkQueue[int] = WorkQueue(ManualClock())
    busy = [threading.Lock() for _ in range(5)]
    clashes: list[int] = []
    rounds = [0] * 5
    enough = threading.Event()

    def work() -> None:
        while (key := queue.get(10)) is not None:
            if not busy[key].acquire(blocking=False):
                clashes.append(key)
                continue
            rounds[key] += 1
            if rounds[key] < 100:
                queue.add(key)  # while it is being worked on
            elif min(rounds) >= 100:
                enough.set()
            busy[key].release()
            queue.done(key)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for key in range(5):
        queue.add(key)
    assert enough.wait(10)
    queue.shut_down()
    for worker in workers:
        worker.join(10)
    assert clashes == []
