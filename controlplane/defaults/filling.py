"""The fields of a task's spec that a namespace's defaults fill in, one by one, and how they are taken out again. Pure.

What a default does to a field depends on what the task says of its neighbours: nothing that is filled in contradicts
what its author wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any, NamedTuple

from msgspec.structs import fields, replace

from taskyard.objects import TaskDefaults, TaskSpec
from taskyard.objects.normal import normalize
from taskyard.quantity import UNLIMITED, Quantity, byte_count, cpu_millis


def filled(defaults: TaskDefaults, spec: TaskSpec) -> tuple[TaskSpec, list[str]]:
    """The spec with what it does not say, and the names of the fields that were filled in, as a manifest has them."""
    if defaults == TaskDefaults():
        return spec, []
    names = []
    told = spec
    for field in _FIELDS:
        if _get(told, field.path) == _unsaid(told, field.path) and (value := field.value(defaults, told)):
            told = _with(told, field.path, value)
            names.append(field.name)
    return (normalize(told), names) if names else (spec, [])


def unfilled(spec: TaskSpec, names: Iterable[str]) -> TaskSpec:
    """The spec before these were filled in; a name that is none of such a field changes nothing."""
    paths = [field.path for field in _FIELDS if field.name in names]
    return normalize(reduce(lambda told, path: _with(told, path, _unsaid(told, path)), paths, spec)) if paths else spec


class _Field(NamedTuple):
    """`value`: of the defaults, next to what the spec says so far; nothing: there is no default for it."""

    name: str
    path: tuple[str, ...]
    value: Callable[[TaskDefaults, TaskSpec], Any]


def _get(spec: Any, path: tuple[str, ...]) -> Any:
    return reduce(getattr, path, spec)


def _unsaid(spec: Any, path: tuple[str, ...]) -> Any:
    """The value of the field in a spec that does not say it."""
    *outer, last = path
    field = next(each for each in fields(_get(spec, tuple(outer))) if each.name == last)
    return field.default_factory() if callable(field.default_factory) else field.default


def _with(spec: Any, path: tuple[str, ...], value: Any) -> Any:
    first, *rest = path
    return replace(spec, **{first: _with(getattr(spec, first), tuple(rest), value) if rest else value})


def _request(name: str, read: Callable[[Quantity], int]) -> Callable[[TaskDefaults, TaskSpec], Quantity | None]:
    def value(defaults: TaskDefaults, spec: TaskSpec) -> Quantity | None:
        """No more than the task itself may use."""
        default: Quantity | None = getattr(defaults.resources, name)
        most: Quantity | None = getattr(spec.limits, name)
        if default is None or most is None or most == UNLIMITED:
            return default
        return min(default, most, key=read)

    return value


def _most(name: str, read: Callable[[Quantity], int]) -> Callable[[TaskDefaults, TaskSpec], Quantity | None]:
    def value(defaults: TaskDefaults, spec: TaskSpec) -> Quantity | None:
        """None for a task that sets more aside: it may use that."""
        default: Quantity | None = getattr(defaults.limits, name)
        asked: Quantity | None = getattr(spec.resources, name)
        if default is None or default == UNLIMITED or asked is None or read(default) >= read(asked):
            return default
        return None

    return value


def _pull_secret(defaults: TaskDefaults, spec: TaskSpec) -> str:
    return "" if spec.pull_policy == "Never" else defaults.pull_secret


_FIELDS = (
    _Field("resources.cpu", ("resources", "cpu"), _request("cpu", cpu_millis)),
    _Field("resources.memory", ("resources", "memory"), _request("memory", byte_count)),
    _Field("resources.disk", ("resources", "disk"), lambda defaults, _: defaults.resources.disk),
    _Field("limits.cpu", ("limits", "cpu"), _most("cpu", cpu_millis)),
    _Field("limits.memory", ("limits", "memory"), _most("memory", byte_count)),
    _Field("pullSecret", ("pull_secret",), _pull_secret),
    _Field("nodeSelector", ("node_selector",), lambda defaults, _: defaults.node_selector),
    _Field("tolerations", ("tolerations",), lambda defaults, _: defaults.tolerations),
)
