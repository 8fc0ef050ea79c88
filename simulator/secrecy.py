"""Secrets in the environment of tasks: a container is made with what was stored then, and nobody writes it down.

Judged by the store's history and by what the containers of the hosts are made of.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from simulator.node import Host
from simulator.story import Violation
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import EnvSource, Secret, TaskSpec, decode
from taskyard.store.api import Entry, KeyEvent

SECRET = "v1"
VARIABLE = "TOKEN"
TOLD = "hidden-"
"""How all values of Secrets begin here."""
FROM_SECRET = {VARIABLE: EnvSource(secret=SECRET, key="level")}
_KEY = keys.object_key(ObjectKey("Secret", "default", SECRET))
_FROZEN = 40.0
"""Seconds: for so long a process may be frozen between what it reads and what it does."""


class Secrecy:
    def __init__(self) -> None:
        self._past: list[tuple[float, str]] = []
        """When each value came, in order; empty: there was none."""
        self._asked: dict[tuple[str, str], float] = {}
        """By host and name of a container: when it was first asked for."""

    def note(self, event: KeyEvent, who: str, now: float) -> None:
        if event.key == _KEY:
            self._take(event.entry, now)
        elif self._past and event.entry is not None and TOLD.encode() in event.entry.value:
            raise Violation(f"{who} wrote the value of a Secret into {event.key.removeprefix(keys.ROOT)}", SECRET)

    def restored(self, entries: Iterable[Entry], now: float) -> None:
        self._take(next((entry for entry in entries if entry.key == _KEY), None), now)

    def _take(self, entry: Entry | None, now: float) -> None:
        self._past.append((now, decode(entry.value, Secret).spec.data["level"] if entry is not None else ""))

    def note_create(self, host: Host, name: str, now: float) -> None:
        """It is asked for, with what its agent has read by then."""
        self._asked.setdefault((host.key, name), now)

    def check_start(self, host: Host, container: str, spec: TaskSpec) -> None:
        """Of the task's own container."""
        found = host.runtime.containers.find(container)
        if VARIABLE not in spec.env_from or found is None:
            return
        given = next((each.partition("=")[2] for each in found.spec.env if each.startswith(f"{VARIABLE}=")), "")
        name = found.spec.name
        asked = self._asked.get((host.key, name), -math.inf)
        ends = [*(at for at, _ in self._past[1:]), math.inf]
        there = {value for (_, value), until in zip(self._past, ends, strict=True) if until >= asked - _FROZEN}
        if not given or given not in there:
            raise Violation(f"{name} starts on {host.name} with what secret/{SECRET} had long before", name)
