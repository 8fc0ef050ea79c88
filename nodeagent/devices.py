"""The node's devices, and which task has which: what a resource of `resources.generic` stands for on this node.

Each container's label names the devices that it was made with, so a new agent knows who has what; besides those, only a
choice that has not become a container yet is remembered here. No I/O. Called in lanes by starting.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nodeagent.names import DEVICES
from nodeagent.runtime.port import ContainerState
from nodeagent.situation import Container

_PREFIX = "TASKYARD_DEVICES_"


class DevicesTaken(Exception):
    """Other containers have them; the message says which resource, and of how many."""


@dataclass(frozen=True, slots=True)
class Device:
    """One of a resource: the files under /dev that a container needs for it."""

    resource: str
    paths: tuple[str, ...]


class Devices:
    def __init__(self, all_of_them: Sequence[Device] = ()) -> None:
        self._all = tuple(all_of_them)
        self._lock = threading.Lock()
        self._chosen: dict[str, tuple[Device, ...]] = {}
        """By uid, until the container is there."""

    def choose(self, uid: str, wanted: Mapping[str, int], here: Iterable[Container]) -> tuple[Device, ...]:
        """For the task's next container, of what no container `here` has. A resource that has no devices is only a
        number. Raises DevicesTaken."""
        if not wanted:
            return ()  # Of most; and there may be hundreds of containers here.
        with self._lock:
            taken = {path for one in here if _holds(one) for path in _paths(one.info.labels)}
            taken |= {p for other, held in self._chosen.items() if other != uid for each in held for p in each.paths}
            found: list[Device] = []
            for resource, count in sorted(wanted.items()):
                known = [each for each in self._all if each.resource == resource]
                free = [each for each in known if taken.isdisjoint(each.paths)]
                if known and len(free) < count:
                    raise DevicesTaken(f"{count} {resource} wanted, and {len(free)} of {len(known)} on this node free")
                found += free[:count]
            self._chosen[uid] = tuple(found)
            return self._chosen[uid]

    def settled(self, uid: str) -> None:
        """Its container is there, or will not be."""
        with self._lock:
            self._chosen.pop(uid, None)


def _holds(one: Container) -> bool:
    return one.info.state in (ContainerState.CREATED, ContainerState.RUNNING)


def _paths(labels: Mapping[str, str]) -> list[str]:
    return [path for path in labels.get(DEVICES, "").split(",") if path]


def device_labels(devices: Iterable[Device]) -> dict[str, str]:
    paths = [path for device in devices for path in device.paths]
    return {DEVICES: ",".join(paths)} if paths else {}


def device_variables(devices: Iterable[Device]) -> dict[str, str]:
    """`TASKYARD_DEVICES_GPU=/dev/gpu0,/dev/gpu1`"""
    found: dict[str, list[str]] = {}
    for device in devices:
        name = "".join(each if each.isalnum() else "_" for each in device.resource.upper())
        found.setdefault(_PREFIX + name, []).extend(device.paths)
    return {name: ",".join(paths) for name, paths in found.items()}


def counts(devices: Iterable[Device]) -> dict[str, int]:
    """What the node offers."""
    found: dict[str, int] = {}
    for device in devices:
        found[device.resource] = found.get(device.resource, 0) + 1
    return found
