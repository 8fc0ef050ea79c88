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

from nodeagent.image_names import foreign
from nodeagent.lanes import Lane, Lanes
from nodeagent.logins import Logins, Wish
from nodeagent.runtime.port import Runtime, RuntimeFault, RuntimeUnavailable, Transfer, Transferred, WrongPlatform
from nodeagent.situation import ImagePulled, NotYet, PullFailed
from nodeagent.values import ValueMissing
from taskyard.clock import Clock
from taskyard.store.api import StoreUnavailable

log = logging.getLogger(__name__)

FIRST_WORD = 10.0
"""Seconds until it is told how much has come; each next word takes twice as long, so that a pull of a day tells of
itself a dozen times."""
_WRONG_PLATFORM = "WrongPlatform"

Fetched = ImagePulled | PullFailed | NotYet


@dataclass(slots=True)
class _Pull:
    wish: Wish
    transfer: Transfer
    since: float
    begun: bool = False
    wanted_by: set[str] = field(default_factory=set)
    told: Transferred | None = None
    tell_at: float = 0.0
    pause: float = FIRST_WORD


class Pulls:
    """Thread-safe. `limit`: how many go on at once; as many more may be there that were given up and have not ended.

    `ended` gets the uid of each task that has an outcome to take, or news of how much has come; `unanswered` is called
    when the runtime hangs.
    """

    def __init__(
        self,
        runtime: Runtime,
        lanes: Lanes,
        clock: Clock,
        logins: Logins,
        *,
        limit: int,
        ended: Callable[[str], None],
        unanswered: Callable[[], None],
    ) -> None:
        self._runtime = runtime
        self._lanes = lanes
        self._clock = clock
        self._logins = logins
        self._limit = limit
        self._ended = ended
        self._unanswered = unanswered
        self._lock = threading.Lock()
        self._pulls: dict[Wish, _Pull] = {}
        """In the order in which they were asked for."""
        self._wishes: dict[str, Wish] = {}
        """Of each task that waits, by uid."""
        self._outcomes: dict[str, tuple[Wish, Fetched]] = {}
        """Of which wish, by uid, until it is taken."""
        self._ending = 0
        """How many were given up and have not ended."""

    def want(self, uid: str, wish: Wish) -> None:
        with self._lock:
            pull = self._pulls.get(wish)
            if pull is None:
                now = self._clock.monotonic()
                pull = self._pulls[wish] = _Pull(wish, self._runtime.pull(wish.image), now, tell_at=now + FIRST_WORD)
            pull.wanted_by.add(uid)
            self._wishes[uid] = wish
        self._begin()

    def concern(self, uid: str) -> bool:
        """It waits for an image, or has not taken what came of that."""
        with self._lock:
            return uid in self._wishes or uid in self._outcomes

    def release(self, uid: str, but: frozenset[Wish]) -> None:
        """It wants nothing any more but one of those."""
        with self._lock:
            if uid in self._outcomes and self._outcomes[uid][0] not in but:
                del self._outcomes[uid]
            wish = self._wishes.get(uid)
            if wish is None or wish in but:
                return
            del self._wishes[uid]
            pull = self._pulls[wish]
            pull.wanted_by.discard(uid)
            if pull.wanted_by:
                return
            del self._pulls[wish]
            self._ending += pull.begun
        pull.transfer.close()
        self._begin()

    def fetching(self, uid: str) -> bool:
        with self._lock:
            return uid in self._wishes

    def transferred(self, uid: str) -> Transferred | None:
        """How much of what it waits for has come, as last told of."""
        with self._lock:
            wish = self._wishes.get(uid)
            return self._pulls[wish].told if wish else None

    def take(self, uid: str) -> Fetched | None:
        """What came of the task's last wish; once."""
        with self._lock:
            if uid not in self._outcomes:
                return None
            return self._outcomes.pop(uid)[1]

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
            if self._pulls.get(pull.wish) is pull:
                del self._pulls[pull.wish]
                for uid in pull.wanted_by:
                    del self._wishes[uid]
                    self._outcomes[uid] = (pull.wish, outcome)
            else:
                self._ending -= 1
        for uid in sorted(pull.wanted_by):
            self._ended(uid)
        self._begin()

    def _outcome(self, pull: _Pull) -> Fetched:
        image = pull.wish.image
        try:
            pull.transfer.run(self._logins.of(pull.wish), lambda amount: self._came(pull, amount))
            found = self._runtime.find_image(image)
        except ValueMissing as error:
            return NotYet(error.reason, str(error))
        except StoreUnavailable as error:
            return PullFailed(f"its login could not be read: {error}")
        except RuntimeFault as error:
            log.warning("image %s: %s", image, error)
            if isinstance(error, RuntimeUnavailable):
                self._unanswered()
            if isinstance(error, WrongPlatform):
                return PullFailed(str(error), _WRONG_PLATFORM)
            return PullFailed(str(error))
        except Exception as error:
            log.exception("the pull of %s failed in a way that nobody foresaw", image)
            return PullFailed(f"{type(error).__name__}: {error}")
        if found and found.foreign:
            return PullFailed(foreign(image, found), _WRONG_PLATFORM)
        return ImagePulled(self._clock.monotonic() - pull.since)

    def _came(self, pull: _Pull, amount: Transferred) -> None:
        """While it runs; most of what the runtime tells is not worth a word."""
        now = self._clock.monotonic()
        if now < pull.tell_at:
            return
        with self._lock:
            pull.told = amount
            pull.pause *= 2
            pull.tell_at = now + pull.pause
            waiting = sorted(pull.wanted_by)
        for uid in waiting:
            self._ended(uid)
