"""Each duty outlives a failure that nobody foresaw: its thread goes on."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable

from nodeagent.agent import Agent
from nodeagent.duties import be_found, keep_looking, keep_reconciling
from nodeagent.readiness import Readiness
from nodeagent.runtime.fake import FakeRuntime
from taskyard.clock import SystemClock
from tests.nodeagent.world import World


class OddRuntime(FakeRuntime):
    """Its first answer makes no sense."""

    odd = True
    answered = threading.Event()

    def describe(self) -> str:
        if self.odd:
            self.odd = False
            raise ValueError("an answer of another kind")
        self.answered.set()
        return super().describe()


class FaultyAgent(Agent):
    tries = 0
    tried_again = threading.Event()

    def reconcile(self, timeout: float) -> bool:
        del timeout
        self.tries += 1
        if self.tries > 1:
            self.tried_again.set()
        raise ValueError("a fault of ours")


class FullFolder:
    """Takes a file once somebody has waited for it."""

    def __init__(self) -> None:
        self.tries = 0

    def announce(self) -> None:
        self.tries += 1
        if self.tries == 1:
            raise OSError(errno.ENOSPC, "No space left on device")


class Waiting(threading.Event):
    """Whoever waits for the end goes on at once."""

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        return False


def run(duty: Callable[[threading.Event], None], until: threading.Event) -> None:
    ending = threading.Event()
    threading.Thread(target=duty, args=(ending,), daemon=True).start()
    try:
        assert until.wait(10), "it did not go on"
    finally:
        ending.set()


def test_looking() -> None:
    world, now = World(), threading.Event()
    readiness = Readiness(OddRuntime(world.clock), lambda *_: None, lambda *_: None)
    run(lambda ending: keep_looking(world.agent, readiness, SystemClock(), now, ending), OddRuntime.answered)
    now.set()


def test_reconciling() -> None:
    agent = FaultyAgent(World().agent._parts)
    run(lambda ending: keep_reconciling(agent, ending), FaultyAgent.tried_again)


def test_being_found_with_a_full_data_folder() -> None:
    folder = FullFolder()
    be_found(folder.announce, Waiting())
    assert folder.tries == 2
