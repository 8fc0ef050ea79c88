"""An object on its way into the store, with its namespace's defaults; and the same as its author wrote it. Pure.

Which fields were filled in is kept in `metadata.defaulted`. So the same manifest applied again is known to be the same,
also once the defaults are others, and what did not change keeps what it was given.
"""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec.structs import replace

from controlplane.defaults.filling import filled, unfilled
from controlplane.limits import templates_of
from taskyard.objects import AnyObject, Cron, Job, Service, Task, TaskDefaults, TaskSpec

V = TypeVar("V", bound=AnyObject)


def admitted(value: V, existing: AnyObject | None, defaults: TaskDefaults) -> V:
    """What is to be stored: of a template that is as stored, or as its author wrote that, what is stored; of another
    one with what it does not say. What was filled in of the value before, as when it is stored anew as it was, stays
    noted. Kinds without a template are as they are."""
    found = templates_of(value)
    if not found:
        return value
    ((path, spec),) = found
    if existing is not None and _template(value) in (_template(existing), _template(as_written(existing))):
        ((_, kept),) = templates_of(existing)
        return _marked(_with_spec(value, kept), existing.metadata.defaulted)
    told, names = filled(defaults, spec)
    return _marked(_with_spec(value, told), [*value.metadata.defaulted, *(f"{path}.{name}" for name in names)])


def as_written(value: V) -> V:
    """Without what was filled in, and without the note of it."""
    if not value.metadata.defaulted:
        return value
    made = _marked(value, [])
    for path, spec in templates_of(value):
        names = {each.removeprefix(f"{path}.") for each in value.metadata.defaulted}
        made = _with_spec(made, unfilled(spec, names))
    return made


def _template(value: AnyObject) -> object:
    """What its tasks are made of: with labels and annotations, where these are not the object's own."""
    match value:
        case Service() | Job():
            return value.spec.template
        case Cron():
            return value.spec.template.spec.template
        case _:
            return value.spec


def _with_spec(value: V, spec: TaskSpec) -> V:
    whole: Any = value.spec
    if isinstance(value, Task):
        whole = spec
    elif isinstance(value, Service | Job):
        whole = replace(whole, template=replace(whole.template, spec=spec))
    elif isinstance(value, Cron):
        job = whole.template.spec
        job = replace(job, template=replace(job.template, spec=spec))
        whole = replace(whole, template=replace(whole.template, spec=job))
    return replace(value, spec=whole)


def _marked(value: V, names: list[str]) -> V:
    if value.metadata.defaulted == names:
        return value
    return replace(value, metadata=replace(value.metadata, defaulted=names))
