"""normalize: one spelling for each spec, so that the same wish always has the same hash.

`1Gi` and `1024Mi` are one amount, and a default that is written out is the same as one that is not. The encoder leaves
out a default only when it is the very object of the struct's definition, so equal values are replaced by that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import msgspec

from taskyard.objects import Backoff, HealthCheck, OnNodeLoss, Resources, Stop, TaskSpec, Volume
from taskyard.quantity import Quantity, byte_count, cpu_millis, format_bytes, format_cpu, format_duration, seconds

W = TypeVar("W", bound=msgspec.Struct)


def normalize(spec: TaskSpec) -> TaskSpec:
    """The spec with every quantity in its usual spelling (taskyard.quantity.format_*) and no default written out.

    Doing it twice changes nothing. ValueError for a quantity that is none; a validated spec has none of these.
    """
    return _with(
        spec,
        ports=[_with(port) for port in spec.ports],
        volumes=[_volume(volume) for volume in spec.volumes],
        resources=_resources(spec.resources),
        restart=_with(spec.restart, backoff=_backoff(spec.restart.backoff)),
        stop=_stop(spec.stop),
        on_node_loss=_on_node_loss(spec.on_node_loss),
        health_check=None if spec.health_check is None else _health_check(spec.health_check),
    )


def _resources(resources: Resources) -> Resources:
    return _with(
        resources,
        cpu=_maybe(resources.cpu, _cpu),
        memory=_maybe(resources.memory, _size),
        disk=_maybe(resources.disk, _size),
    )


def _backoff(backoff: Backoff) -> Backoff:
    return _with(backoff, initial=_time(backoff.initial), max=_time(backoff.max), reset=_time(backoff.reset))


def _stop(stop: Stop) -> Stop:
    return _with(stop, grace_period=_time(stop.grace_period))


def _on_node_loss(loss: OnNodeLoss) -> OnNodeLoss:
    return _with(loss, after=_time(loss.after))


def _health_check(check: HealthCheck) -> HealthCheck:
    return _with(
        check,
        interval=_time(check.interval),
        timeout=_time(check.timeout),
        start_period=_time(check.start_period),
    )


def _volume(volume: Volume) -> Volume:
    return _with(volume, size=_maybe(volume.size, _size))


def _cpu(value: Quantity) -> str:
    return format_cpu(cpu_millis(value))


def _size(value: Quantity) -> str:
    return format_bytes(byte_count(value))


def _time(value: Quantity) -> str:
    return format_duration(seconds(value))


def _maybe(value: Quantity | None, spell: Callable[[Quantity], str]) -> str | None:
    return None if value is None else spell(value)


def _with(struct: W, **changes: Any) -> W:
    """A copy with these changes, and the definition's own object wherever a value equals the default."""
    for name, default in _defaults(type(struct)):
        value = changes.get(name, getattr(struct, name))
        if value == default and type(value) is type(default):
            changes[name] = default
    return msgspec.structs.replace(struct, **changes)


@cache
def _defaults(kind: type[msgspec.Struct]) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (field.name, field.default) for field in msgspec.structs.fields(kind) if field.default is not msgspec.NODEFAULT
    )
