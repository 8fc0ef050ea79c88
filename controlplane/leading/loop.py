"""The loop of a scheduler or controller: dirty keys in, one round of work out, only while this process leads.

A term begins once the cache has reached the revision at which the leader's key was created: all that earlier leaders
wrote is in the cache by then, since nothing of theirs can be written after. Each subclass brings the work.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Sequence
from typing import ClassVar, Generic, TypeVar

from controlplane.cluster import CacheChange, ChangeKind
from controlplane.leading.means import Means
from taskyard.store.api import Compare, StoreError
from taskyard.store.elector import NotLeader
from taskyard.store.workqueue import WorkQueue

K = TypeVar("K", bound=Hashable)

_log = logging.getLogger(__name__)

SWEEP_EVERY = 60.0
"""Seconds between two looks at everything: the safety net under the notifications."""
_WAIT = 0.5
"""Seconds that `run` waits for work in one go, and so the longest it takes to notice that it has to stop."""
_TRIES = 64
"""Failures in one round, while it is looked for whose fault it is: enough for three keys of a million."""
_NOT_LEADING = 0.2
"""Seconds between two looks at whether it leads."""


class FencedOut(Exception):
    """A commit showed that another leads; nothing more may be written in this term."""


class LeaderLoop(ABC, Generic[K]):
    """`step` is one round, for tests and simulation; `run` is the thread around it."""

    kinds: ClassVar[Collection[ChangeKind] | None] = None
    """Those of changes that `dirty` makes anything of; None: all."""

    def __init__(self, means: Means) -> None:
        """Nothing happens before the first step."""
        self.store, self.cache, self.clock = means.store, means.cache, means.clock
        self.queue: WorkQueue[K] = WorkQueue(means.clock)
        self._events, self._losses, self._new_uid = means.events, means.losses, means.new_uid
        self._fence = means.fence
        self._term: Compare | None = None
        self._begun: Compare | None = None
        """Of the last term that was begun. It may be in doubt for a moment, and go on."""
        self._restores = 0
        """The cache's, when that term was begun."""
        self._lost: Compare | None = None
        self._sweep_at = 0.0
        self._more = False
        """The last round left work that no key in the queue stands for."""
        means.cache.on_change(self._mark, self.kinds)

    @property
    def leading(self) -> bool:
        """As of the last step."""
        return self._term is not None

    @abstractmethod
    def begin_term(self) -> None:
        """Forget all that an earlier term knew."""

    @abstractmethod
    def everything(self) -> Sequence[K]:
        """All keys there are; called under the cache's lock."""

    @abstractmethod
    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[K]:
        """What has to be looked at after these changes; called under the cache's lock, in the informer's thread."""

    @abstractmethod
    def work(self, batch: Sequence[K], fence: Compare) -> bool:
        """Reconcile these keys; True to be called again at once, even with none. Raises FencedOut."""

    def step(self, timeout: float = 0.0) -> bool:
        """One round, waiting up to `timeout` seconds for something to do. True when there was something."""
        fence = self._lead()
        if fence is None:
            return False
        batch = self.queue.get_all(0.0 if self._more else timeout)
        if not batch and not self._more:
            return False
        try:
            self._more = self._work_apart(batch, fence)
        except FencedOut:
            _log.warning("another leads now: nothing more is written under %s", fence.key)
            self._term, self._lost = None, fence
        finally:
            self.queue.done_all(batch)
        return True

    def _work_apart(self, batch: Sequence[K], fence: Compare) -> bool:
        """As `work`. Where that fails for a fault of ours, halves of the batch are tried, so that one key whose value
        nobody foresaw holds up no other. What failed last is raised once the rest is done."""
        failure: Exception | None = None
        failures, more, left = 0, False, [batch]
        while left:
            part = left.pop()
            try:
                more |= self.work(part, fence)
            except FencedOut:
                raise
            except Exception as error:
                failure, failures = error, failures + 1
                if len(part) > 1 and failures < _TRIES and not isinstance(error, StoreError):
                    middle = len(part) // 2
                    left += [part[middle:], part[:middle]]
                    continue
                for key in part:
                    self.queue.retry(key)
        if failure is not None:
            self._more = self._more or more
            raise failure
        return more

    def next_due(self) -> float:
        """On the monotonic clock, when a step has something to do even if nothing changes."""
        if self._term is None:
            return self.clock.monotonic() + _NOT_LEADING
        if self._more or len(self.queue):
            return self.clock.monotonic()
        due = self.queue.next_due()
        return self._sweep_at if due is None else min(due, self._sweep_at)

    def run(self, stop: threading.Event) -> None:
        """Steps until `stop` is set. Whatever goes wrong in a round is logged, and its keys come up again."""
        while not stop.is_set():
            try:
                self.step(_WAIT)
            except Exception:
                _log.exception("a round of %s failed; its keys are tried again", type(self).__name__)
                stop.wait(_NOT_LEADING)
            if not self.leading:
                stop.wait(_NOT_LEADING)

    def _lead(self) -> Compare | None:
        """The fence of the term that it is in, begun if it is new; None while it may not act."""
        try:
            fence = self._fence()
        except NotLeader:
            self._term = None
            return None
        if fence == self._lost or not self._knows_what_was_before(fence):
            self._term = None
            return None
        now = self.clock.monotonic()
        if fence != self._begun or self._restores != self.cache.restores:
            self._restores = self.cache.restores
            self.begin_term()
            self._more = False
            self._begun, self._term = fence, None
        if fence != self._term:
            self._term = fence
            self._sweep_at = now
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_EVERY
            with self.cache.lock:
                self.queue.add_all(self.everything())
        return fence

    def _knows_what_was_before(self, fence: Compare) -> bool:
        """All that earlier leaders wrote is in the cache."""
        return self.cache.revision >= fence.revision

    def _mark(self, changes: Sequence[CacheChange]) -> None:
        # While it does not lead it keeps no list: a term begins by looking at everything.
        if self._term is not None and (found := self.dirty(changes)):
            self.queue.add_all(found)
