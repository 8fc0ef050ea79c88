"""What a namespace allows its tasks and fills in for them: what is accepted keeps its limits, and says what was filled.

Judged by the store's history, with rules of its own. Who checks may have read the namespace a moment before it was
changed. The checker tells what it sees.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from random import Random

from msgspec.structs import replace

from simulator.story import Violation
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import (
    CpuRange,
    DefaultLimits,
    DefaultResources,
    Metadata,
    Namespace,
    NamespaceSpec,
    SizeRange,
    Task,
    TaskDefaults,
    TaskLimits,
    TaskSpec,
    decode,
)
from taskyard.objects.normal import normalize
from taskyard.quantity import UNLIMITED, byte_count, cpu_millis
from taskyard.store.api import Entry

_ASKED = 40.0
"""Seconds that a process may be frozen between its look at the limits and the write, and that it may hear late."""
_LED = 15.0
"""The same of a leader, whose lease is over by then."""
_SAYS = "SAYS"
"""A variable of the tasks that are drawn here: the resources of which their authors say something."""
_READ = {"cpu": cpu_millis, "memory": byte_count}


def drawn_namespace(random: Random) -> Namespace:
    """Services and jobs are within its limits always: what cannot replace its tasks would not settle."""
    limits = random.choice(
        (
            TaskLimits(),
            TaskLimits(cpu=CpuRange(max="500m")),
            TaskLimits(cpu=CpuRange(min="50m"), memory=SizeRange(max="256Mi")),
            TaskLimits(memory=SizeRange(min="16Mi", max="128Mi")),
        )
    )
    defaults = random.choice(
        (
            TaskDefaults(),
            TaskDefaults(resources=DefaultResources(cpu=random.choice(("50m", "150m")))),
            TaskDefaults(resources=DefaultResources(cpu="150m", memory=random.choice(("32Mi", "96Mi")))),
            TaskDefaults(resources=DefaultResources(memory="32Mi"), limits=DefaultLimits(memory="128Mi")),
        )
    )
    return Namespace(metadata=Metadata(name="default"), spec=NamespaceSpec(limits=limits, defaults=defaults))


def silent(random: Random, spec: TaskSpec) -> TaskSpec:
    """Who says nothing of some resources, for the namespace to fill in."""
    said = [name for name in _READ if random.random() < 0.6]
    unsaid = {name: None for name in _READ if name not in said}
    return normalize(
        replace(spec, resources=replace(spec.resources, **unsaid), env={**spec.env, _SAYS: " ".join(said)})
    )


def said(spec: TaskSpec) -> TaskSpec:
    """Of who may be silent, with what is not left to the namespace any more once somebody has changed it."""
    if _SAYS not in spec.env:
        return spec
    names = [name for name in _READ if getattr(spec.resources, name) is not None]
    return replace(spec, env={**spec.env, _SAYS: " ".join(names)})


def stated(spec: TaskSpec, defaulted: Iterable[str]) -> TaskSpec:
    """The spec of a task without what was filled in."""
    for name in defaulted:
        _, part, field = name.split(".")
        spec = replace(spec, **{part: replace(getattr(spec, part), **{field: None})})
    return normalize(spec)


class Allowed:
    def __init__(self) -> None:
        self._held: list[tuple[float, NamespaceSpec]] = [(math.inf, NamespaceSpec())]
        """What was said of the namespace, each with the time until which it was in force."""
        self._had: set[tuple[str, str, object]] = set()
        """By the name of a task and a field, all values that it had: who edits it says what was filled in before."""

    def note_namespace(self, key: str, entry: Entry | None, now: float) -> None:
        if key.rpartition("/")[2] != "default":
            return
        self._hold(decode(entry.value, Namespace).spec if entry is not None else NamespaceSpec(), now)

    def restored(self, entries: Iterable[Entry], now: float) -> None:
        """All is as the backup has it, and for a moment longer somebody may go by what was so before."""
        key = keys.object_key(ObjectKey("Namespace", "default", "default"))
        found = (decode(entry.value, Namespace).spec for entry in entries if entry.key == key)
        self._hold(next(found, NamespaceSpec()), now)

    def _hold(self, spec: NamespaceSpec, now: float) -> None:
        self._held[-1] = now, self._held[-1][1]
        self._held.append((math.inf, spec))

    def check(self, old: Task | None, new: Task, who: str, now: float) -> None:
        if who == "user":
            self._check_accepted(old, new, now)
        elif who.endswith("/scheduler") and new.binding is not None:
            before = old.binding if old is not None else None
            # What runs with this spec is left alone, also where it has to move.
            if before is None or before.spec_hash != new.binding.spec_hash:
                self._check_within(new, "was bound", now - _LED)

    def beyond_now(self, task: Task) -> bool:
        return _beyond(self._held[-1][1].limits, task.spec)

    def _check_accepted(self, old: Task | None, new: Task, now: float) -> None:
        name, uid, noted = new.metadata.name, new.metadata.uid, new.metadata.defaulted
        if old is not None and old.spec == new.spec:
            if old.metadata.defaulted != noted:
                raise Violation(f"of the same spec of {name} other fields count as filled in: {noted}", uid, name)
            return
        self._check_within(new, "was accepted", now - _ASKED)
        if _SAYS not in new.spec.env:
            return
        for field in _READ:
            value, filled = getattr(new.spec.resources, field), f"spec.resources.{field}" in noted
            kept = (name, field, value) in self._had
            self._had.add((name, field, value))
            known = {getattr(each.defaults.resources, field) for each in self._since(now - _ASKED)}
            said = field in new.spec.env[_SAYS].split()
            if (said and filled) or not (said or filled or kept or value is None):
                raise Violation(
                    f"{name} has {field} {value}, and it is told wrongly whether that was filled in", uid, name
                )
            if not said and not kept and value not in known:
                raise Violation(f"{name} says nothing of {field} and got {value}; {known} is the default", uid, name)

    def _check_within(self, task: Task, what: str, since: float) -> None:
        if all(_beyond(each.limits, task.spec) for each in self._since(since)):
            raise Violation(
                f"{task.metadata.name} {what} beyond the limits of its namespace", task.metadata.uid, task.metadata.name
            )

    def _since(self, then: float) -> list[NamespaceSpec]:
        return [spec for until, spec in self._held if until >= then]


def _beyond(limits: TaskLimits, spec: TaskSpec) -> bool:
    for name, read in _READ.items():
        allowed, asked, most = getattr(limits, name), getattr(spec.resources, name), getattr(spec.limits, name)
        if allowed is None:
            continue
        if asked is None and (allowed.min is not None or most is None):
            return True
        beside = sum(read(had) for each in spec.sidecars if (had := getattr(each.resources, name)) is not None)
        if asked is not None and allowed.min is not None and read(asked) + beside < read(allowed.min):
            return True
        highest = [each for each in (asked, most) if each is not None]
        if allowed.max is not None and any(
            each == UNLIMITED or read(each) + beside > read(allowed.max) for each in highest
        ):
            return True
    return False
