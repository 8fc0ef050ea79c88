"""The ranges of quantities: how much cpu, memory, disk and time a manifest may ask for, whatever unit it is written in.

A schema can say how a quantity is spelt, not how much it is. Entries of the table in rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from taskyard.manifest.problem import Path, shown
from taskyard.manifest.rule_parts import Broken, items, part
from taskyard.quantity import UNLIMITED, Quantity, byte_count, cpu_millis, seconds


class Range(NamedTuple):
    """What a quantity may amount to. `lowest` and `highest` say it in words."""

    read: Callable[[Quantity], float]
    least: float
    most: float
    lowest: str
    highest: str
    hint: str


CPU = Range(cpu_millis, 10, 10**7, "10m", "10000 cores", "write cores (0.5) or millicores ('500m')")
MEMORY = Range(byte_count, 6 * 2**20, 2**50, "6Mi, the least a container can be given", "1024Ti", "write '512Mi'")
DISK = Range(byte_count, 1, 2**50, "1 byte", "1024Ti", "write a size, such as '1Gi', or remove the line")
_SHM = Range(byte_count, 4096, 2**50, "4Ki", "1024Ti", "write a size, such as '256Mi', or remove the line")
_RATE = Range(byte_count, 1024, 2**50, "1Ki", "1024Ti", "write bytes per second, such as '10Mi', or remove the line")
_LOG = Range(byte_count, 4096, 2**30, "4Ki", "1Gi", "write a size, such as '10Mi'")
_TMPFS = Range(byte_count, 4096, 2**50, "4Ki", "1024Ti", "write a size, such as '64Mi'")
_WAIT = Range(seconds, 0.001, 366 * 86400, "1ms", "a year", "write a duration, such as '10s'")
_PERIOD = _WAIT._replace(least=0, lowest="0s")
_SUM_OF_CPU = CPU._replace(least=0, most=10**9, lowest="0", highest="1000000 cores")
_SUM_OF_BYTES = Range(byte_count, 0, 2**60, "0", "1048576Ti", "write a size, such as '16Gi', or remove the line")

_RESOURCES = {"cpu": CPU, "memory": MEMORY, "disk": DISK}
_SUMS = {"cpu": _SUM_OF_CPU, "memory": _SUM_OF_BYTES, "disk": _SUM_OF_BYTES}
"""What many tasks have together, or one of any size."""
_BACKOFF = {"initial": _WAIT, "max": _WAIT, "reset": _PERIOD}
_STOP = {"gracePeriod": _PERIOD, "delay": _PERIOD._replace(most=600, highest="10m")}
_ON_NODE_LOSS = {"after": _PERIOD}
HOOK_TIME = _WAIT._replace(most=60, highest="1m")
CHECK_TIMES = {"delay": _PERIOD, "interval": _WAIT, "timeout": _WAIT}
_UPDATE = {"minReady": _PERIOD, "delay": _PERIOD, "progressDeadline": _WAIT}
_TTL = {"ttlAfterFinish": _PERIOD}
_JOB = {"activeDeadline": _WAIT, "ttlAfterFinish": _PERIOD}
_JOB_BACKOFF = {"initial": _WAIT, "max": _WAIT}
_HEALTH_CHECK = {"interval": _WAIT, "timeout": _WAIT, "startPeriod": _PERIOD}


def broken_resources(spec: dict[str, Any]) -> Iterator[Broken]:
    yield from broken_fields(spec, ("resources",), _RESOURCES)


def broken_sidecar_resources(spec: dict[str, Any]) -> Iterator[Broken]:
    for at, sidecar in items(spec, "sidecars"):
        for name, value in part(sidecar, "resources").items():
            if name in _RESOURCES:
                yield from _outside(("spec", "sidecars", at, "resources", name), value, _RESOURCES[name])


def broken_quota(spec: dict[str, Any]) -> Iterator[Broken]:
    yield from broken_fields(spec, ("quota",), _SUMS)


def broken_grace_period(spec: dict[str, Any]) -> Iterator[Broken]:
    yield from broken_fields(spec, ("stop",), _STOP)


def broken_node_loss_delay(spec: dict[str, Any]) -> Iterator[Broken]:
    yield from broken_fields(spec, ("onNodeLoss",), _ON_NODE_LOSS)


def broken_ttl(spec: dict[str, Any]) -> Iterator[Broken]:
    """Of a task, and of a namespace."""
    yield from broken_fields(spec, (), _TTL)


def broken_update_times(spec: dict[str, Any]) -> Iterator[Broken]:
    yield from broken_fields(spec, ("update",), _UPDATE)
    yield from broken_fields(spec, ("update", "canary"), {"promoteAfter": _PERIOD})


def broken_windows(spec: dict[str, Any]) -> Iterator[Broken]:
    window = _PERIOD._replace(most=3600, highest="1h")
    yield from broken_fields(spec, ("autoscale", "stabilization"), {"up": window, "down": window})


def broken_job_times(spec: dict[str, Any]) -> Iterator[Broken]:
    yield from broken_fields(spec, (), _JOB)
    yield from broken_fields(spec, ("retry", "backoff"), _JOB_BACKOFF)
    yield from _backoff_order(part(spec, "retry", "backoff"), ("retry", "backoff"), "10s", "6m")


def broken_dependency_time(at: int, dependency: dict[str, Any]) -> Iterator[Broken]:
    if "timeout" in dependency:
        yield from _outside(("spec", "dependsOn", at, "timeout"), dependency["timeout"], _WAIT)


def broken_starting_deadline(spec: dict[str, Any]) -> Iterator[Broken]:
    yield from broken_fields(spec, (), {"startingDeadline": _WAIT})


def broken_health_check_times(spec: dict[str, Any]) -> Iterator[Broken]:
    yield from broken_fields(spec, ("healthCheck",), _HEALTH_CHECK)


def broken_shm_size(spec: dict[str, Any]) -> Iterator[Broken]:
    yield from broken_fields(spec, ("process",), {"shmSize": _SHM})


def broken_limits(spec: dict[str, Any]) -> Iterator[Broken]:
    """Their ranges, limits below what is set aside, and swap without memory."""
    limits, resources = part(spec, "limits"), part(spec, "resources")
    found = {name: value for name, value in limits.items() if value != UNLIMITED}
    yield from broken_fields({"limits": found}, ("limits",), {"cpu": CPU, "memory": MEMORY, "swap": DISK})
    yield from broken_fields(spec, ("limits", "io"), {"readRate": _RATE, "writeRate": _RATE})
    for name, read in (("cpu", cpu_millis), ("memory", byte_count)):
        if _is_less(found.get(name), resources.get(name), read):
            message = f"{shown(limits[name])} is less than resources.{name} ({shown(resources[name])})"
            yield Broken(("spec", "limits", name), message, f"write a limit that is not less than resources.{name}")
    if "swap" in limits and not {"memory"} & (limits.keys() | resources.keys()):
        yield Broken(("spec", "limits", "swap"), "swap without a limit of memory", "add limits: {memory: 512Mi}")


def broken_task_limits(spec: dict[str, Any]) -> Iterator[Broken]:
    """Of a namespace: ends that are no amounts, and ranges that no task can keep to."""
    limits = part(spec, "limits")
    for name, allowed in _SUMS.items():
        ends = part(limits, name)
        yield from broken_fields(spec, ("limits", name), {"min": allowed, "max": allowed})
        if _is_less(ends.get("max"), ends.get("min"), allowed.read):
            message = f"max ({shown(ends['max'])}) is less than min ({shown(ends['min'])}), so that no task is allowed"
            yield Broken(("spec", "limits", name, "max"), message, "write a max that is not less than min")


def broken_log_size(spec: dict[str, Any]) -> Iterator[Broken]:
    yield from broken_fields(spec, ("logs",), {"maxSize": _LOG})


def broken_tmpfs_sizes(spec: dict[str, Any]) -> Iterator[Broken]:
    for at, volume in items(spec, "volumes"):
        if "size" in volume:
            yield from _outside(("spec", "volumes", at, "size"), volume["size"], _TMPFS)


def broken_backoff(spec: dict[str, Any]) -> Iterator[Broken]:
    """Its times, and a max that is less than its initial."""
    yield from broken_fields(spec, ("restart", "backoff"), _BACKOFF)
    yield from _backoff_order(part(spec, "restart", "backoff"), ("restart", "backoff"), "1s", "5m")


def broken_fields(spec: dict[str, Any], place: tuple[str, ...], ranges: Mapping[str, Range]) -> Iterator[Broken]:
    """Quantities of the mapping at a place of the spec that are outside their ranges."""
    for name, value in part(spec, *place).items():
        if name in ranges:
            yield from _outside(("spec", *place, name), value, ranges[name])


def _outside(path: Path, value: object, allowed: Range) -> Iterator[Broken]:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return
    try:
        amount = allowed.read(value)
    except ValueError as error:
        message, _, hint = str(error).partition(": ")
        yield Broken(path, message, hint)
        return
    if amount < allowed.least:
        hint = allowed.hint
        if allowed is MEMORY and str(value).isdecimal():
            hint = f"a plain number is bytes; for mebibytes write '{value}Mi'"
        yield Broken(path, f"{shown(value)} is less than {allowed.lowest}", hint)
    elif amount > allowed.most:
        yield Broken(path, f"{shown(value)} is more than {allowed.highest}", allowed.hint)


def _is_less(limit: Any, request: Any, read: Callable[[Quantity], float]) -> bool:
    """False where one of them is not there, or is no amount."""
    try:
        return limit is not None and request is not None and read(limit) < read(request)
    except (ValueError, TypeError):
        return False


def _backoff_order(backoff: dict[str, Any], place: Path, first: str, last: str) -> Iterator[Broken]:
    """`first` and `last`: what is taken where nothing is said."""
    initial, longest = backoff.get("initial", first), backoff.get("max", last)
    try:
        wrong = seconds(initial) > seconds(longest)
    except (ValueError, TypeError):
        return
    if wrong:
        field = "max" if "max" in backoff else "initial"
        message = f"max ({shown(longest)}) is less than initial ({shown(initial)})"
        yield Broken(("spec", *place, field), message, "write a max that is not less than initial")
