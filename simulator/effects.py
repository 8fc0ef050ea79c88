"""Where a process touches the world: its own connection to the store and, on a node, to the container runtime.

Before and after each effect its fuse may burn through: the process is killed there, or frozen while all others go on.
Every effect is told to an `Observer`, which is how the checker knows who did what.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from nodeagent.runtime.fake import FakeRuntime
from nodeagent.runtime.forwarding import ForwardingRuntime
from nodeagent.runtime.port import ContainerEnd, ContainerEvent, ContainerInfo, ContainerSpec
from simulator.driver import Crash, Driver, Process
from simulator.watches import Delivery, UnreliableWatch
from taskyard.store.api import Commit, Compare, Operation, Store, Watch
from taskyard.store.faulty import FaultyStore


class Observer(Protocol):
    def before_write(self) -> None: ...

    def wrote(self, who: str) -> None: ...

    def wrote_again(self, key: str) -> None:
        """For a user who had been answered long ago."""
        ...

    def forgot(self, who: str, revision: int) -> None:
        """What was so before it cannot be read any more."""
        ...

    def called(self, who: str, host: str, call: str, container: ContainerInfo | None, name: str) -> None: ...

    def note(self, text: str) -> None: ...


@dataclass(slots=True)
class Fuse:
    """Burns at the n-th point from now, half of which are before an effect and half after one."""

    driver: Driver
    process: Process
    observer: Observer
    left: int = 0
    seconds: float = 0.0
    """How long it is frozen; 0: it is killed."""
    meanwhile: Callable[[], None] | None = None
    """What happens elsewhere as soon as it is frozen."""
    only: str = ""
    """Counts only the effects of this part of the process; empty: all."""

    def light(self, moment: str, what: str, part: str) -> None:
        if not self.left or (self.only and self.only != part):
            return
        where = f"{moment} {what}"
        self.left -= 1
        if self.left:
            return
        if self.seconds:
            self.observer.note(f"{self.process.name} freezes for {self.seconds:.1f} s {where}")
            self.driver.freeze(self.process, self.seconds, self.meanwhile)
            self.observer.note(f"{self.process.name} wakes up")
        else:
            self.observer.note(f"{self.process.name} is killed {where}")
            raise Crash


@dataclass(slots=True)
class Request:
    """A user's."""

    answered: bool = False
    """With success: nothing of it is to happen any more."""


class ProcessStore(FaultyStore):
    """One process's connection; `delivery` says how its watches are served."""

    def __init__(self, inner: Store, fuse: Fuse, observer: Observer, random: Random) -> None:
        super().__init__(inner)
        self._fuse = fuse
        self._observer = observer
        self.delivery = Delivery(fuse.driver.clock, random)
        self.who = fuse.process.name
        """Which part of the process writes now."""
        self.request = Request()
        """What it writes for, where that part is the user."""

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        # Bound now: a commit that is late must be told as its sender's.
        who, request = self.who, self.request
        part = who.rpartition("/")[2]
        self._fuse.light("before a commit of", who, part)

        def action() -> Commit:
            self._observer.before_write()
            done = self.inner.commit(compares, operations)
            self._observer.wrote(who)
            if part == "user" and request.answered and done.succeeded:
                self._observer.wrote_again(operations[0].key)
            return done

        done = self._do("commit", action)
        self._fuse.light("after a commit of", who, part)
        return done

    def revoke(self, lease: int) -> None:
        def action() -> None:
            self._observer.before_write()
            self.inner.revoke(lease)
            self._observer.wrote("lease")

        self._do("revoke", action)

    def compact(self, revision: int) -> None:
        who = self.who

        def action() -> None:
            self.inner.compact(revision)
            self._observer.forgot(who, revision)

        self._do("compact", action)

    def heal(self) -> None:
        """No faults any more, and what is late arrives."""
        self.down, self.cut = False, ""
        self._planned.clear()
        self.delivery.heal()
        self.deliver()

    def watch(self, prefix: str, *, start_revision: int) -> Watch:
        return UnreliableWatch(self.delivery, super().watch(prefix, start_revision=start_revision))


class ProcessRuntime(ForwardingRuntime):
    """An agent's connection to its node's containers, which outlive it."""

    def __init__(self, inner: FakeRuntime, host: str, fuse: Fuse, observer: Observer, touched: Callable[[], None]):
        super().__init__(inner)
        self._fake = inner
        self._host = host
        self._fuse = fuse
        self._observer = observer
        self._touched = touched

    def create(self, spec: ContainerSpec) -> str:
        self._before("create", None, spec.name)
        made = self._inner.create(spec)
        self._after("create")
        return made

    def start(self, container: str) -> None:
        self._before("start", self._find(container), container)
        self._inner.start(container)
        self._after("start")

    def kill(self, container: str, signal: str) -> None:
        self._before(f"kill {signal}", self._find(container), container)
        self._inner.kill(container, signal)
        self._after("kill")

    def remove(self, container: str, *, force: bool) -> None:
        self._before("remove", self._find(container), container)
        self._inner.remove(container, force=force)
        self._after("remove")

    def run(self, container: str, command: tuple[str, ...], timeout: float) -> int | None:
        self._before(f"run {command[0]}", self._find(container), container)
        code = self._inner.run(container, command, timeout)
        self._after("run something")
        return code

    def happened(self, after: int) -> tuple[list[ContainerEvent], int]:
        return self._fake.happened(after)

    def ended(self, after: int) -> tuple[list[ContainerEnd], int]:
        return self._fake.ended(after)

    def _find(self, container: str) -> ContainerInfo | None:
        return self._fake.look_up(container)

    def _before(self, call: str, found: ContainerInfo | None, name: str) -> None:
        self._fuse.light("before it asks to", call, "loop")
        self._observer.called(self._fuse.process.name, self._host, call, found, name)

    def _after(self, call: str) -> None:
        self._touched()
        self._fuse.light("after it asked to", call, "loop")
