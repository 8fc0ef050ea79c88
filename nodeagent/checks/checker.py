"""The checks of all containers on the node: starts what is due in a lane, and keeps what came of it.

Asked by the agent's loop about one task at a time; nobody waits for a check. Results are forgotten with the container,
or with the agent: a new one takes over what the status says and asks anew.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from nodeagent.checks.prober import Prober
from nodeagent.checks.state import Asked, CheckState, Verdict, active, after, begin, judge, named
from nodeagent.lanes import Lane, Lanes
from nodeagent.runtime.port import ContainerInfo, RuntimeFault
from taskyard.clock import Clock
from taskyard.objects import Checks

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Checked:
    container: ContainerInfo
    checks: Checks
    states: dict[str, CheckState]
    asking: set[str] = field(default_factory=set)


class Checker:
    """Thread-safe. `ended` gets the uid of a task with a new result."""

    def __init__(self, prober: Prober, lanes: Lanes, clock: Clock, ended: Callable[[str], None]) -> None:
        self._prober = prober
        self._lanes = lanes
        self._clock = clock
        self._ended = ended
        self._lock = threading.Lock()
        self._checked: dict[str, dict[int, _Checked]] = {}
        """By uid and step."""

    def look(self, uid: str, containers: Sequence[Asked]) -> dict[int, Verdict]:
        """By step. Asks what is due; of a container of the task that is not among these nothing is known any more."""
        asked = [one for one in containers if named(one.checks)]
        now, chosen = self._clock.monotonic(), []
        with self._lock:
            if not asked:
                self._checked.pop(uid, None)
                return {}
            before = self._checked.get(uid, {})
            found = self._checked[uid] = {one.step: _going_on(before.get(one.step), one, now) for one in asked}
            for known in found.values():
                due = [name for name in active(known.states) if known.states[name].due <= now]
                chosen += [(known, name) for name in due if name not in known.asking]
            for known, name in chosen:
                known.asking.add(name)
        # Not under the lock: a lane may run them at once.
        for known, name in chosen:
            self._lanes.submit(Lane.CHECK, partial(self._run, uid, known, name))
        with self._lock:
            return {step: judge(known.states) for step, known in found.items()}

    def _run(self, uid: str, known: _Checked, name: str) -> None:
        check = named(known.checks)[name]
        try:
            failure: str | None = self._prober.probe(known.container, check)
        except RuntimeFault as error:
            log.info("task %s: its %s check could not be made: %s", uid, name, error)
            failure = None
        except Exception as error:
            log.exception("task %s: its %s check failed in a way that nobody foresaw", uid, name)
            failure = type(error).__name__
        with self._lock:
            now = self._clock.monotonic()
            known.asking.discard(name)
            state = known.states[name]
            if failure is None:
                # The runtime's trouble says nothing about the task.
                known.states[name] = CheckState(now + 1.0, state.passing, state.successes, state.failures, state.reason)
            else:
                known.states[name] = after(check, state, failure, now)
        self._ended(uid)


def _going_on(known: _Checked | None, asked: Asked, now: float) -> _Checked:
    if known is None or (known.container.id, known.checks) != (asked.container.id, asked.checks):
        return _Checked(asked.container, asked.checks, begin(asked.checks, now, was_ready=asked.was_ready))
    known.container = asked.container
    return known
