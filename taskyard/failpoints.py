"""Named points before and after a process's effects, where it kills, stops, delays or fails itself: for fault tests.

Read from TASKYARD_FAILPOINTS by the composition roots, which wrap their store and runtime only when it is set. Which
effects have a point stands with the wrappers (taskyard/store/pointed.py, nodeagent/runtime/pointed.py).
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

VARIABLE = "TASKYARD_FAILPOINTS"

Action = Literal["kill", "stop", "sleep", "error"]
_ACTIONS: dict[str, Action] = {"kill": "kill", "stop": "stop", "sleep": "sleep", "error": "error"}
_log = logging.getLogger(__name__)


class BadFailpoints(ValueError):
    """What the variable says cannot be meant; the message lists what can."""


class Failed(Exception):
    """The action `error`; `Failpoints.around` turns it into what the effect raises."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens at a point, from the `skip`-th pass on and for `times` passes."""

    action: Action
    seconds: float = 0.0
    skip: int = 0
    times: int = 1


def names(effects: Collection[str]) -> list[str]:
    """The points of these effects."""
    return [f"{effect}.{moment}" for effect in sorted(effects) for moment in ("before", "after")]


def parse(text: str, known: Collection[str]) -> dict[str, Plan]:
    """`agent.start.after=kill;agent.status.before=sleep=2,skip=1,times=3`. Raises BadFailpoints."""
    plans: dict[str, Plan] = {}
    for part in filter(None, (one.strip() for one in text.split(";"))):
        name, _, what = part.partition("=")
        if name not in known:
            raise BadFailpoints(f"{VARIABLE}: there is no point {name!r} here; there are {', '.join(known)}")
        plans[name] = _plan(name, what)
    return plans


def _plan(name: str, what: str) -> Plan:
    first, *rest = what.split(",")
    action, _, seconds = first.partition("=")
    try:
        numbers = {option: int(value) for option, _, value in (one.partition("=") for one in rest)}
        if numbers.keys() - {"skip", "times"} or (action == "sleep") != bool(seconds):
            raise ValueError
        return Plan(_ACTIONS[action], float(seconds or 0), numbers.get("skip", 0), numbers.get("times", 1))
    except (ValueError, KeyError) as error:
        raise BadFailpoints(
            f"{VARIABLE}: {name}={what}: an action is kill, stop, error or sleep=SECONDS,"
            " and ,skip=N and ,times=N may follow"
        ) from error


class Failpoints:
    """The points that are switched on in this process. Safe for use by many threads."""

    def __init__(self, plans: dict[str, Plan]) -> None:
        self._plans = plans
        self._passed = dict.fromkeys(plans, 0)
        self._lock = threading.Lock()

    @contextmanager
    def around(self, effect: str, failure: type[Exception]) -> Iterator[None]:
        """The effect is what is done within. The action `error` raises `failure`: before it or after it was done."""
        try:
            self.hit(f"{effect}.before")
            yield
            self.hit(f"{effect}.after")
        except Failed as error:
            raise failure(str(error)) from error

    def hit(self, name: str) -> None:
        """Nothing at most points. Raises Failed for the action `error`."""
        plan = self._plans.get(name)
        if plan is None:
            return
        with self._lock:
            passed = self._passed[name]
            self._passed[name] += 1
        if not plan.skip <= passed < plan.skip + plan.times:
            return
        _log.warning("failpoint %s: %s", name, plan.action)
        match plan.action:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "sleep":
                time.sleep(plan.seconds)
            case "error":
                raise Failed(f"failpoint {name}")
