"""What a namespace's defaults may be: amounts that a task may ask for, and nothing that its limits would refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from taskyard.manifest.amounts import CPU, DISK, MEMORY, broken_fields
from taskyard.manifest.constraints import tolerating_nothing
from taskyard.manifest.problem import Path, shown
from taskyard.manifest.rule_parts import Broken, part
from taskyard.quantity import UNLIMITED, Quantity, byte_count, cpu_millis

_READ: dict[str, Callable[[Quantity], float]] = {"cpu": cpu_millis, "memory": byte_count, "disk": byte_count}


def broken_defaults(spec: dict[str, Any]) -> Iterator[Broken]:
    defaults = part(spec, "defaults")
    resources, limits = part(defaults, "resources"), part(defaults, "limits")
    limited = {name: value for name, value in limits.items() if value != UNLIMITED}
    yield from broken_fields(spec, ("defaults", "resources"), {"cpu": CPU, "memory": MEMORY, "disk": DISK})
    yield from broken_fields({"defaults": {"limits": limited}}, ("defaults", "limits"), {"cpu": CPU, "memory": MEMORY})
    for name, value in limited.items():
        if _less(name, value, resources.get(name)):
            message = f"{shown(value)} is less than defaults.resources.{name} ({shown(resources[name])})"
            hint = f"write a limit that is not less than defaults.resources.{name}"
            yield Broken(("spec", "defaults", "limits", name), message, hint)
    for name, value in resources.items():
        yield from _refused(spec, ("spec", "defaults", "resources", name), value)
    for name, value in limits.items():
        yield from _refused(spec, ("spec", "defaults", "limits", name), value)
    yield from tolerating_nothing(defaults, ("spec", "defaults"))


def _refused(spec: dict[str, Any], path: Path, value: object) -> Iterator[Broken]:
    """A default that no task could be applied with."""
    name, allowed = str(path[-1]), part(spec, "limits", str(path[-1]))
    least, most = allowed.get("min"), allowed.get("max")
    why, hint = "so a task that says nothing is refused", f"write a default within limits.{name}, or change that"
    if "resources" in path and _less(name, value, least):
        yield Broken(path, f"{shown(value)} is less than limits.{name}.min ({shown(least)}), {why}", hint)
    if (value == UNLIMITED and most is not None) or _less(name, most, value):
        yield Broken(path, f"{shown(value)} is more than limits.{name}.max ({shown(most)}), {why}", hint)


def _less(name: str, left: Any, right: Any) -> bool:
    """False where one of them is not there, or is no amount."""
    read = _READ.get(name)
    try:
        return read is not None and left is not None and right is not None and read(left) < read(right)
    except (ValueError, TypeError):
        return False
