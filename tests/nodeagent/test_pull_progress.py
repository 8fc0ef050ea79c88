"""How much of an image has come is told now and then: soon at first, then less and less often."""

from __future__ import annotations

from collections.abc import Callable

from nodeagent.lanes import InlineLanes
from nodeagent.logins import Logins, Wish
from nodeagent.pulls import Pulls
from nodeagent.runtime.fake import FakeRuntime
from nodeagent.runtime.port import Login, Transfer, Transferred, nobody
from taskyard.clock import ManualClock
from taskyard.store.memory import MemoryStore

MEBIBYTE = 2**20


class SlowTransfer(Transfer):
    """A mebibyte a second, told of ten times a second."""

    def __init__(self, clock: ManualClock, seconds: int) -> None:
        self._clock = clock
        self._seconds = seconds

    def run(self, login: Login | None = None, told: Callable[[Transferred], None] = nobody) -> None:
        del login
        for tenth in range(10 * self._seconds):
            told(Transferred(tenth * MEBIBYTE // 10, self._seconds * MEBIBYTE))
            self._clock.advance(0.1)

    def close(self) -> None:
        raise AssertionError("nobody gives it up")


class SlowRuntime(FakeRuntime):
    seconds = 0

    def pull(self, image: str) -> Transfer:
        del image
        assert isinstance(self.clock, ManualClock)
        return SlowTransfer(self.clock, self.seconds)


def words(seconds: int) -> list[tuple[float, Transferred]]:
    """When something was told of a pull that takes so long, and what."""
    clock = ManualClock()
    runtime = SlowRuntime(clock)
    runtime.seconds = seconds
    begun, found = clock.monotonic(), []

    def changed(uid: str) -> None:
        amount = pulls.transferred(uid)
        if amount:
            found.append((round(clock.monotonic() - begun), amount))

    pulls = Pulls(
        runtime,
        InlineLanes(),
        clock,
        Logins(MemoryStore(clock)),
        limit=1,
        ended=changed,
        unanswered=lambda: None,
    )
    pulls.want("a", Wish("web:1"))
    return found


def test_a_short_pull_is_told_of_when_it_ends() -> None:
    assert words(9) == []


def test_a_long_one_says_how_far_it_is_less_and_less_often() -> None:
    found = words(3600)
    assert [at for at, _ in found] == [10, 30, 70, 150, 310, 630, 1270, 2550]
    amount = found[1][1]
    assert (amount.done // MEBIBYTE, amount.total // MEBIBYTE) == (30, 3600)
