from __future__ import annotations

import threading

import pytest

from taskyard.clock import ManualClock, SystemClock
from taskyard.store.api import Put
from taskyard.store.faulty import Fault, FaultyStore
from taskyard.store.lease import LeaseKeeper
from taskyard.store.memory import MemoryStore
from tests.support.patience import comes_true


class World:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.memory = MemoryStore(self.clock)
        self.store = FaultyStore(self.memory)
        self.lost: list[int] = []
        self.keeper = LeaseKeeper(self.store, self.clock, 9, on_lost=self.lost.append)

    def put_under_lease(self) -> None:
        self.memory.commit([], [Put("a", b"", self.keeper.lease)])

    @property
    def alive(self) -> bool:
        return self.memory.get("a") is not None


@pytest.fixture
def world() -> World:
    return World()


def test_nothing_is_held_before_the_first_step(world: World) -> None:
    assert (world.keeper.lease, world.keeper.held) == (0, False)


def test_kept_in_time_it_lives_on(world: World) -> None:
    delay = world.keeper.step()
    lease = world.keeper.lease
    world.put_under_lease()
    for _ in range(20):
        assert delay == 3
        world.clock.advance(delay)
        delay = world.keeper.step()
    assert world.keeper.lease == lease
    assert world.keeper.deadline == world.clock.monotonic() + 9
    assert world.alive
    assert world.lost == []


def test_too_late_it_is_lost_once_and_the_next_step_gets_another(world: World) -> None:
    world.keeper.step()
    first = world.keeper.lease
    world.put_under_lease()
    world.clock.advance(9)
    assert world.keeper.step() == 0
    assert (world.lost, world.keeper.lease, world.keeper.held) == ([first], 0, False)
    world.keeper.step()
    assert world.keeper.lease not in (0, first)
    assert world.keeper.held
    assert world.lost == [first]
    assert not world.alive


def test_out_of_reach_it_is_tried_again_soon_and_nothing_is_called_lost(world: World) -> None:
    world.keeper.step()
    world.put_under_lease()
    world.store.down = True
    world.clock.advance(3)
    assert world.keeper.step() == pytest.approx(0.9)
    assert world.keeper.deadline == 9
    world.clock.advance(5.9)
    world.keeper.step()
    assert world.keeper.held
    world.store.down = False
    world.keeper.step()
    assert world.keeper.deadline == pytest.approx(8.9 + 9)
    assert (world.lost, world.alive) == ([], True)


def test_past_its_deadline_it_is_not_held_though_nobody_said_so(world: World) -> None:
    world.keeper.step()
    world.store.down = True
    world.clock.advance(9)
    world.keeper.step()
    assert (world.keeper.held, world.lost) == (False, [])


@pytest.mark.parametrize("fault", ["request lost", "answer lost"])
def test_a_renewal_without_an_answer_does_not_count(world: World, fault: Fault) -> None:
    world.keeper.step()
    world.clock.advance(3)
    world.store.fail("keep_alive", fault)
    world.keeper.step()
    assert world.keeper.deadline == 9


class _SlowStore(FaultyStore):
    """Answers 2 s after it was asked."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(MemoryStore(clock))
        self._clock = clock

    def grant(self, ttl: float) -> int:
        lease = super().grant(ttl)
        self._clock.advance(2)
        return lease

    def keep_alive(self, lease: int) -> float:
        granted = super().keep_alive(lease)
        self._clock.advance(2)
        return granted


def test_the_deadline_counts_from_the_sending() -> None:
    clock = ManualClock()
    keeper = LeaseKeeper(_SlowStore(clock), clock, 9)
    assert keeper.step() == 1, "the answer took 2 of the 3 seconds"
    assert keeper.deadline == 9
    clock.advance(1)
    keeper.step()
    assert clock.monotonic() == 5
    assert keeper.deadline == 3 + 9


def test_released_it_goes_with_its_keys(world: World) -> None:
    world.keeper.step()
    world.put_under_lease()
    world.keeper.release()
    assert not world.alive
    assert (world.keeper.lease, world.keeper.held, world.lost) == (0, False, [])


def test_released_out_of_reach_it_expires(world: World) -> None:
    world.keeper.step()
    world.put_under_lease()
    world.store.down = True
    world.keeper.release()
    assert (world.keeper.held, world.alive) == (False, True)
    world.clock.advance(9)
    assert not world.alive


def test_its_thread_renews_until_told_to_stop_and_lives_through_a_failing_callback() -> None:
    clock = SystemClock()
    memory = MemoryStore(clock)
    store = FaultyStore(memory)
    told = threading.Event()

    def fail(lease: int) -> None:
        told.set()
        raise ValueError(f"{lease} is gone")

    keeper = LeaseKeeper(store, clock, 1, on_lost=fail)
    stop = threading.Event()
    thread = threading.Thread(target=keeper.run, args=(stop,))
    thread.start()
    try:
        assert comes_true(lambda: keeper.lease != 0)
        first = keeper.lease
        memory.revoke(first)
        assert told.wait(10)
        assert comes_true(lambda: keeper.lease not in (0, first))
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
