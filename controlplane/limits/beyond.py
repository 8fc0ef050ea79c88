"""What of a task is beyond its namespace's limits, field by field. Pure; who refuses or waits is not said here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from controlplane.limits.loosened import loosened
from taskyard.objects import AnyObject, Cron, Job, Range, Service, Task, TaskLimits, TaskSpec
from taskyard.quantity import UNLIMITED, Quantity, byte_count, cpu_millis, format_bytes, format_cpu


def templates_of(value: AnyObject) -> list[tuple[str, TaskSpec]]:
    """Each task that it is or makes, and the path of its spec in the manifest."""
    match value:
        case Task():
            return [("spec", value.spec)]
        case Service() | Job():
            return [("spec.template.spec", value.spec.template.spec)]
        case Cron():
            return [("spec.template.spec.template.spec", value.spec.template.spec.template.spec)]
        case _:
            return []


def beyond_of(limits: TaskLimits, value: AnyObject) -> list[str]:
    """As `beyond`, of all that it makes."""
    return [found for path, spec in templates_of(value) for found in beyond(limits, spec, path)]


def beyond(limits: TaskLimits, spec: TaskSpec, path: str = "spec") -> list[str]:
    """`spec.resources.memory is 2Gi, more than 1Gi`, for each that is; empty when all is within.

    What has a range has to be stated: what says nothing sets nothing aside, and may use any amount.
    """
    found = [
        text
        for name, allowed in (("cpu", limits.cpu), ("memory", limits.memory), ("disk", limits.disk))
        if allowed is not None
        for text in _outside(name, allowed, _ASKED[name](spec), path)
    ]
    if limits.max_priority is not None and spec.priority > limits.max_priority:
        found.append(f"{path}.priority is {spec.priority}, more than {limits.max_priority}")
    found += loosened(limits, spec, path)
    return found


class _Asked(NamedTuple):
    """Of one resource, in millicores or bytes, together with what the sidecars have; None: the task says nothing.

    `most`: what it may use; absent where the resource has no limit of its own, or it is what is set aside.
    """

    request: int | None
    most: float | None = None


def _outside(name: str, allowed: Range, asked: _Asked, path: str) -> Iterator[str]:
    number, spell = _UNITS[name]
    request, limit = f"{path}.resources.{name}", f"{path}.limits.{name}"
    if asked.request is None and (allowed.min is not None or asked.most is None):
        yield f"{request} is not stated, and has to be {_words(allowed)}"
    if allowed.min is not None and asked.request is not None and asked.request < number(allowed.min):
        yield f"{request} is {spell(asked.request)}, less than {allowed.min}"
    if allowed.max is None:
        return
    if asked.request is not None and asked.request > number(allowed.max):
        yield f"{request} is {spell(asked.request)}, more than {allowed.max}"
    if asked.most is not None and asked.most > number(allowed.max):
        yield f"{limit} is {UNLIMITED if asked.most == math.inf else spell(int(asked.most))}, more than {allowed.max}"


def _words(allowed: Range) -> str:
    if allowed.max is None:
        return f"{allowed.min} at least"
    return f"{allowed.max} at most" if allowed.min is None else f"from {allowed.min} to {allowed.max}"


def _cpu(spec: TaskSpec) -> _Asked:
    own, most = spec.resources.cpu, spec.limits.cpu
    beside = sum(cpu_millis(each.resources.cpu) for each in spec.sidecars if each.resources.cpu is not None)
    if most == UNLIMITED:
        limit: float | None = math.inf
    else:
        limit = None if most is None else cpu_millis(most) + beside
    return _Asked(None if own is None else cpu_millis(own) + beside, limit)


def _memory(spec: TaskSpec) -> _Asked:
    own, most = spec.resources.memory, spec.limits.memory
    beside = sum(byte_count(each.resources.memory) for each in spec.sidecars if each.resources.memory is not None)
    return _Asked(
        None if own is None else byte_count(own) + beside, None if most is None else byte_count(most) + beside
    )


def _disk(spec: TaskSpec) -> _Asked:
    return _Asked(None if spec.resources.disk is None else byte_count(spec.resources.disk))


_ASKED: dict[str, Callable[[TaskSpec], _Asked]] = {"cpu": _cpu, "memory": _memory, "disk": _disk}
_UNITS: dict[str, tuple[Callable[[Quantity], int], Callable[[int], str]]] = {
    "cpu": (cpu_millis, format_cpu),
    "memory": (byte_count, format_bytes),
    "disk": (byte_count, format_bytes),
}
