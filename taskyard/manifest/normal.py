"""normalize: one spelling for each amount, so that `1Gi` and `1024Mi` are the same spec with the same hash."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from taskyard.objects import Backoff, HealthCheck, Resources, Restart, Stop, TaskSpec, Volume
from taskyard.quantity import Quantity, byte_count, cpu_millis, format_bytes, format_cpu, format_duration, seconds

W = TypeVar("W", bound=msgspec.Struct)

_NO_RESOURCES, _DEFAULT_RESTART, _DEFAULT_STOP = Resources(), Restart(), Stop()


def normalize(spec: TaskSpec) -> TaskSpec:
    """The spec with every quantity in its usual spelling (taskyard.quantity.format_*). Doing it twice changes nothing.

    ValueError for a quantity that is none; a validated spec has none of these.
    """
    return _with(
        spec,
        resources=_NO_RESOURCES if spec.resources == _NO_RESOURCES else _resources(spec.resources),
        restart=_DEFAULT_RESTART if spec.restart == _DEFAULT_RESTART else _restart(spec.restart),
        stop=_DEFAULT_STOP
        if spec.stop == _DEFAULT_STOP
        else _with(spec.stop, grace_period=_time(spec.stop.grace_period)),
        health_check=None if spec.health_check is None else _health_check(spec.health_check),
        volumes=[_volume(volume) for volume in spec.volumes],
    )


def _resources(resources: Resources) -> Resources:
    return _with(
        resources,
        cpu=_maybe(resources.cpu, _cpu),
        memory=_maybe(resources.memory, _size),
        disk=_maybe(resources.disk, _size),
    )


def _restart(restart: Restart) -> Restart:
    backoff = restart.backoff
    return _with(
        restart,
        backoff=Backoff(initial=_time(backoff.initial), max=_time(backoff.max), reset=_time(backoff.reset)),
    )


def _health_check(check: HealthCheck) -> HealthCheck:
    return _with(
        check,
        interval=_time(check.interval),
        timeout=_time(check.timeout),
        start_period=_time(check.start_period),
    )


def _volume(volume: Volume) -> Volume:
    return volume if volume.size is None else _with(volume, size=_size(volume.size))


def _cpu(value: Quantity) -> str:
    return format_cpu(cpu_millis(value))


def _size(value: Quantity) -> str:
    return format_bytes(byte_count(value))


def _time(value: Quantity) -> str:
    return format_duration(seconds(value))


def _maybe(value: Quantity | None, spell: Callable[[Quantity], str]) -> str | None:
    return None if value is None else spell(value)


def _with(struct: W, **changes: object) -> W:
    return msgspec.structs.replace(struct, **changes)
