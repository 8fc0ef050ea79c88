"""The metrics of all tasks on the node: asks each address once a round, in a lane of its own, and keeps what it said.

Nobody waits for an answer: the statistics take what is known by then. What is not known comes with the reason, and what
is too old counts as not known.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from nodeagent.lanes import Lane, Lanes
from nodeagent.metrics.fetch import LONGEST, Unreadable
from nodeagent.metrics.text import Reading, read
from nodeagent.runtime.port import ContainerInfo
from taskyard.clock import Clock
from taskyard.objects import Metric

log = logging.getLogger(__name__)

ASK_BEFORE = LONGEST + 0.5
"""Seconds before the statistics are put together: all who answer at all have answered by then."""
KEPT = 40.0
"""Seconds that an answer counts for; two rounds and a while."""

Fetch = Callable[[str, int, str], str]
"""Of address, port and path. Raises Unreadable."""


@dataclass(frozen=True, slots=True)
class Target:
    """`container`: as the node reaches it. `on_host`: it is on the node's network."""

    container: ContainerInfo
    metrics: Sequence[Metric]
    on_host: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """By the metric's name."""

    values: Mapping[str, float]
    unread: Mapping[str, str]
    """Why nothing is known of it."""


NOTHING = Told({}, {})


@dataclass(frozen=True, slots=True)
class _Answer:
    """`raw`: of a counter, from which the next answer tells how fast it grows."""

    at: float
    value: float | None
    why: str = ""
    raw: float | None = None


@dataclass(slots=True)
class _Scraped:
    target: Target
    answers: dict[str, _Answer] = field(default_factory=dict)
    asking: set[tuple[int, str]] = field(default_factory=set)


class Scraper:
    """Thread-safe."""

    def __init__(self, fetch: Fetch, lanes: Lanes, clock: Clock) -> None:
        self._fetch = fetch
        self._lanes = lanes
        self._clock = clock
        self._lock = threading.Lock()
        self._scraped: dict[str, _Scraped] = {}

    def ask(self, targets: Mapping[str, Target]) -> None:
        """By the task's uid; all others are forgotten, and so is what another container or other metrics told. Who has
        not answered the last time is not asked again before that."""
        due = []
        with self._lock:
            for uid in self._scraped.keys() - targets.keys():
                del self._scraped[uid]
            for uid, target in targets.items():
                known = self._scraped.get(uid)
                before = known.target if known else None
                if before is None or (before.container.id, before.metrics) != (target.container.id, target.metrics):
                    known = self._scraped[uid] = _Scraped(target)
                assert known is not None
                known.target = target
                places = {(metric.port, metric.path) for metric in target.metrics} - known.asking
                known.asking |= places
                due += [partial(self._run, uid, known, *place) for place in sorted(places)]
        # Not under the lock: a lane may run them at once.
        for work in due:
            self._lanes.submit(Lane.SCRAPE, work)

    def told(self, uid: str) -> Told:
        now = self._clock.monotonic()
        with self._lock:
            known = self._scraped.get(uid)
            if known is None:
                return NOTHING
            values, unread = {}, {}
            for metric in known.target.metrics:
                answer = known.answers.get(metric.name)
                if answer is None or now - answer.at > KEPT:
                    unread[metric.name] = "it has not answered yet" if answer is None else "it answers no more"
                elif answer.value is None:
                    unread[metric.name] = answer.why
                else:
                    values[metric.name] = answer.value
            return Told(values, unread)

    def _run(self, uid: str, known: _Scraped, port: int, path: str) -> None:
        metrics = [metric for metric in known.target.metrics if (metric.port, metric.path) == (port, path)]
        found: Sequence[Reading | str]
        try:
            found = read(self._fetch(_address(known.target), port, path), metrics)
        except Unreadable as error:
            found = [str(error)] * len(metrics)
        except Exception as error:
            log.exception("task %s: its metrics could not be read in a way that nobody foresaw", uid)
            found = [type(error).__name__] * len(metrics)
        now = self._clock.monotonic()
        with self._lock:
            known.asking.discard((port, path))
            for metric, each in zip(metrics, found, strict=True):
                known.answers[metric.name] = _answer(each, known.answers.get(metric.name), now)


def _address(target: Target) -> str:
    if target.on_host:
        return "127.0.0.1"
    if not target.container.address:
        # Never the node's own, which would be asked in its place.
        raise Unreadable("the container has no address")
    return target.container.address


def _answer(found: Reading | str, before: _Answer | None, now: float) -> _Answer:
    if isinstance(found, str):
        return _Answer(now, None, found)
    if not found.counter:
        return _Answer(now, found.value)
    if before is None or before.raw is None or now <= before.at:
        return _Answer(now, None, "a counter says something from its second answer on", found.value)
    if found.value < before.raw:
        return _Answer(now, None, "the counter began anew", found.value)
    return _Answer(now, (found.value - before.raw) / (now - before.at), "", found.value)
