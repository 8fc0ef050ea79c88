"""Images on their way to this node: each is fetched once for all the tasks that want it, a few at a time.

A task says that it wants an image and is told when there is an outcome; meanwhile it is free to stop, or to want
another. A pull that no task wants any more is given up. Called by agent.py; runs in the lane for pulls.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from nodeagent.lanes import Lane, Lanes
from nodeagent.runtime.port import Runtime, RuntimeFault, RuntimeUnavailable, Transfer
from nodeagent.situation import ImagePulled, PullFailed
from taskyard.clock import Clock

log = logging.getLogger(__name__)

Fetched = ImagePulled | PullFailed


@dataclass(slots=True)
class _Pull:
    image: str
    transfer: Transfer
    since: float
    begun: bool = False
    wanted_by: set[str] = field(default_factory=set)


class Pulls:
    """Thread-safe. `limit`: how many go on at once; as many more may be there that were given up and have not ended.

    `ended` gets the uid of each task that has an outcome to take; `unanswered` is called when the runtime hangs.
    """

    def __init__(
        self,
        runtime: Runtime,
        lanes: Lanes,
        clock: Clock,
        *,
        limit: int,
        ended: Callable[[str], None],
        unanswered: Callable[[], None],
    ) -> None:
        self._runtime = runtime
        self._lanes = lanes
        self._clock = clock
        self._limit = limit
        self._ended = ended
        self._unanswered = unanswered
        self._lock = threading.Lock()
        self._pulls: dict[str, _Pull] = {}
        """By image, in the order in which they were asked for."""
        self._wishes: dict[str, str] = {}
        """The image of each task that waits, by uid."""
        self._outcomes: dict[str, tuple[str, Fetched]] = {}
        """Of which image, by uid, until it is taken."""
        self._ending = 0
        """How many were given up and have not ended."""

    def want(self, uid: str, image: str) -> None:
        with self._lock:
            pull = self._pulls.get(image)
            if pull is None:
                pull = self._pulls[image] = _Pull(image, self._runtime.pull(image), self._clock.monotonic())
            pull.wanted_by.add(uid)
            self._wishes[uid] = image
        self._begin()

    def release(self, uid: str, unless: str = "") -> None:
        """It wants nothing any more, or nothing but that image."""
        with self._lock:
            if uid in self._outcomes and self._outcomes[uid][0] != unless:
                del self._outcomes[uid]
            image = self._wishes.get(uid, unless)
            if image == unless:
                return
            del self._wishes[uid]
            pull = self._pulls[image]
            pull.wanted_by.discard(uid)
            if pull.wanted_by:
                return
            del self._pulls[image]
            self._ending += pull.begun
        pull.transfer.close()
        self._begin()

    def fetching(self, uid: str) -> bool:
        with self._lock:
            return uid in self._wishes

    def take(self, uid: str) -> Fetched | None:
        """What came of the task's last wish; once."""
        with self._lock:
            return self._outcomes.pop(uid, ("", None))[1]

    def _begin(self) -> None:
        """Those whose turn it is. Not under the lock: a lane may run them at once."""
        with self._lock:
            going = sum(pull.begun for pull in self._pulls.values())
            room = min(self._limit, 2 * self._limit - self._ending) - going
            chosen = [pull for pull in self._pulls.values() if not pull.begun][: max(room, 0)]
            for pull in chosen:
                pull.begun = True
        for pull in chosen:
            self._lanes.submit(Lane.PULL, partial(self._run, pull))

    def _run(self, pull: _Pull) -> None:
        outcome = self._outcome(pull)
        with self._lock:
            if self._pulls.get(pull.image) is pull:
                del self._pulls[pull.image]
                for uid in pull.wanted_by:
                    del self._wishes[uid]
                    self._outcomes[uid] = (pull.image, outcome)
            else:
                self._ending -= 1
        for uid in sorted(pull.wanted_by):
            self._ended(uid)
        self._begin()

    def _outcome(self, pull: _Pull) -> Fetched:
        try:
            pull.transfer.run()
        except RuntimeFault as error:
            log.warning("image %s: %s", pull.image, error)
            if isinstance(error, RuntimeUnavailable):
                self._unanswered()
            return PullFailed(str(error))
        except Exception as error:
            log.exception("the pull of %s failed in a way that nobody foresaw", pull.image)
            return PullFailed(f"{type(error).__name__}: {error}")
        return ImagePulled(self._clock.monotonic() - pull.since)
