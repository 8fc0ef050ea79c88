"""What each of the agent's threads does for as long as it lives. Started by app.py; each outlives every failure."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

from nodeagent.agent import Agent
from nodeagent.conditions import Conditions
from nodeagent.freshness import Freshness
from nodeagent.housekeeping import Housekeeping
from nodeagent.leader_time import LOOK_EVERY as COMPARE_EVERY
from nodeagent.leader_time import LeaderTime, skew
from nodeagent.metrics import ASK_BEFORE, Scraper, targets_of
from nodeagent.names import Owner
from nodeagent.readiness import Readiness
from nodeagent.registration import Registration
from nodeagent.runtime.port import EventStream, Runtime, RuntimeFault
from nodeagent.stats.collector import StatsCollector
from nodeagent.stats.history import StatsHistory
from nodeagent.view import ContainerView
from taskyard import keys
from taskyard.clock import Clock
from taskyard.objects import Assignment, encode
from taskyard.store.api import Put, StoreError

log = logging.getLogger(__name__)

PROBE_EVERY = 5.0
LOOK_EVERY = 30.0
MEASURE_EVERY = 15.0
HOUSEKEEPING_EVERY = 10.0
FRESHEN_EVERY = 5.0
_RECONNECT_PAUSE = 1.0
_MAX_PAUSE = 30.0


def keep_reconciling(agent: Agent, ending: threading.Event) -> None:
    while not ending.is_set():
        try:
            agent.reconcile(5.0)
        except Exception:
            log.exception("a step failed in a way that nobody foresaw; going on")
            ending.wait(_RECONNECT_PAUSE)


def keep_looking(
    agent: Agent, readiness: Readiness, clock: Clock, now: threading.Event, ending: threading.Event
) -> None:
    """Probes the runtime, and lists all containers where that is due: the truth, whatever events were missed."""
    next_look = 0.0
    while not ending.is_set():
        was_ready, ready = readiness.ready, False
        try:
            ready = readiness.probe()
            if ready and (not was_ready or clock.monotonic() >= next_look):
                agent.look_around()
                next_look = clock.monotonic() + LOOK_EVERY
        except RuntimeFault as error:
            log.warning("containers cannot be listed: %s", error)
        except Exception:
            log.exception("an answer of the container runtime could not be used; going on")
        now.clear()
        # After a failure `now` may be set for each of many calls: not more often than once a second.
        if not ready and ending.wait(1.0):
            return
        now.wait(PROBE_EVERY)


class EventFollower:
    """Marks tasks whose containers did something. After a break it lists, because events may have been missed."""

    def __init__(self, agent: Agent, runtime: Runtime, owner: Owner, clock: Clock) -> None:
        self._agent = agent
        self._runtime = runtime
        self._owner = owner
        self._clock = clock
        self._stream: EventStream | None = None

    def run(self, ending: threading.Event) -> None:
        since, pause = self._clock.now(), _RECONNECT_PAUSE
        while not ending.is_set():
            try:
                self._stream = self._runtime.events(self._owner.labels, since)
                self._agent.look_around()
                pause = _RECONNECT_PAUSE
                for event in self._stream:
                    since = max(since, event.at)
                    self._agent.happened(event)
            except RuntimeFault as error:
                log.info("no events from the container runtime: %s", error)
            except Exception:
                log.exception("an event could not be used; going on")
            self.close()
            ending.wait(pause)
            pause = min(pause * 2, _MAX_PAUSE)

    def close(self) -> None:
        """Ends the wait for an event that may never come."""
        stream = self._stream
        if stream:
            stream.close()


class EndFollower:
    """Tells the agent of each end as soon as the kernel does."""

    def __init__(self, agent: Agent, runtime: Runtime) -> None:
        self._agent = agent
        self._ends = runtime.ends()

    def run(self, ending: threading.Event) -> None:
        while not ending.is_set():
            try:
                for end in self._ends:
                    self._agent.ended(end)
            except Exception:
                log.exception("an end could not be used; going on")
            ending.wait(_RECONNECT_PAUSE)

    def close(self) -> None:
        """Ends the wait for one."""
        self._ends.close()


def keep_house(housekeeping: Housekeeping, ending: threading.Event) -> None:
    while not ending.wait(HOUSEKEEPING_EVERY):
        try:
            housekeeping.step()
        except (RuntimeFault, OSError) as error:
            log.warning("the node could not be looked after: %s", error)
        except Exception:
            log.exception("the node could not be looked after; going on")


def be_found(announce: Callable[[], None], ending: threading.Event) -> None:
    """Until `announce` has gone well once: a data folder that is full keeps no agent from running."""
    while not ending.is_set():
        try:
            announce()
            return
        except OSError as error:
            log.warning("`taskyard agent drain` cannot find this agent until its data folder takes a file: %s", error)
            ending.wait(HOUSEKEEPING_EVERY)


def keep_time(time: LeaderTime, conditions: Conditions, allowed: float, ending: threading.Event) -> None:
    """`allowed`: seconds of skew; 0: any."""
    while not ending.wait(COMPARE_EVERY):
        try:
            time.step()
            conditions.note("ClockSkew", skew(time.ahead(), allowed))
        except StoreError as error:
            log.info("the clock cannot be compared with the control plane's for now: %s", error)
        except Exception:
            log.exception("the clock could not be compared with the control plane's; going on")


def keep_fresh(freshness: Freshness, ending: threading.Event) -> None:
    while not ending.wait(FRESHEN_EVERY):
        try:
            freshness.step()
        except (StoreError, OSError) as error:
            log.info("mounted Secrets and Configs stay as they are for now: %s", error)
        except Exception:
            log.exception("mounted Secrets and Configs could not be compared; going on")


def keep_measuring(
    collector: StatsCollector,
    history: StatsHistory,
    view: ContainerView,
    scraper: Scraper,
    assigned: Callable[[], Iterable[Assignment]],
    registration: Registration,
    node: str,
    ending: threading.Event,
) -> None:
    """`assigned`: the tasks on the node."""
    while not ending.wait(MEASURE_EVERY - ASK_BEFORE):
        try:
            scraper.ask(targets_of(view, assigned()))
            if ending.wait(ASK_BEFORE):
                return
            running: dict[str, list[str]] = {}
            for one in view.all():
                if one.running:
                    running.setdefault(one.run.uid, []).append(one.info.id)
            stats = collector.collect(running, scraper.told)
            history.add(stats)
            lease = registration.lease()
            if lease:
                registration.commit([Put(keys.node_stats(node), encode(stats), lease)])
        except (StoreError, OSError) as error:
            log.info("statistics could not be taken or written: %s", error)
        except Exception:
            log.exception("statistics could not be taken; going on")
