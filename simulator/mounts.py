"""Secrets and Configs as files of tasks: what users ask for, drawn from the seed, and what has to become of it.

Judged by what the store has and by what is on the hosts: a container starts with values that were stored, they become
those that are stored now, in place or with another container, and go with their task.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from msgspec.structs import replace

from nodeagent.runtime.port import ContainerInfo
from simulator.node import Host
from simulator.past import Past
from simulator.secrecy import FROM_SECRET, TOLD
from simulator.story import Violation
from taskyard import keys
from taskyard.clock import parse_timestamp
from taskyard.keys import ObjectKey
from taskyard.objects import Config, ConfigSpec, Metadata, Secret, SecretSpec, TaskSpec, TaskStatus, Volume, decode
from taskyard.objects.normal import normalize
from taskyard.store.api import Entry, KeyEvent

VALUES = ("v0", "v1")
"""A Config and a Secret."""
_KINDS = {"v0": "Config", "v1": "Secret"}
_TYPES = {"config": "Config", "secret": "Secret"}
_SHARE = 0.6


def drawn_value(random: Random, name: str) -> Config | Secret:
    data = {"level": str(random.randrange(10**6))}
    if _KINDS[name] == "Config":
        return Config(metadata=Metadata(name=name), spec=ConfigSpec(data=data))
    return Secret(metadata=Metadata(name=name), spec=SecretSpec(data={"level": f"{TOLD}{data['level']}"}))


def with_files(random: Random, spec: TaskSpec) -> TaskSpec:
    """Or as it is."""
    if random.random() >= _SHARE:
        return spec
    config = Volume(type="config", name="v0", target="/etc/v", on_change=random.choice(("update", "restart")))
    secret = Volume(type="secret", name="v1", target="/run/v", on_change=random.choice(("update", "update", "restart")))
    mounted = random.choice(([config], [secret], [config, secret]))
    env_from = {**spec.env_from, **(FROM_SECRET if random.random() < 0.5 else {})}
    return normalize(replace(spec, volumes=[*spec.volumes, *mounted], env_from=env_from))


class Mounts:
    def __init__(self) -> None:
        self._now: dict[ObjectKey, dict[str, str]] = {}
        self._ever: dict[ObjectKey, list[dict[str, str]]] = {}
        self._given: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
        """By host and container: what it was started with, by target."""

    def note(self, event: KeyEvent) -> None:
        key = keys.parse_object(event.key)
        if key is None or key.name not in VALUES:
            return
        self._now.pop(key, None)
        if event.entry is not None:
            self._take(key, event.entry)

    def restored(self, entries: Iterable[Entry]) -> None:
        """All is as the backup has it; what was stored since may have been read."""
        self._now.clear()
        for entry in entries:
            if (key := keys.parse_object(entry.key)) is not None and key.name in VALUES:
                self._take(key, entry)

    def _take(self, key: ObjectKey, entry: Entry) -> None:
        value = decode(entry.value, Config if key.kind == "Config" else Secret)
        assert isinstance(value, Config | Secret)
        self._now[key] = dict(value.spec.data)
        self._ever.setdefault(key, []).append(self._now[key])

    def check_start(self, host: Host, uid: str, container: ContainerInfo, spec: TaskSpec) -> None:
        """Of the task's own container."""
        given = host.files.get(uid, {})
        for volume, key in _mounted(spec):
            if given.get(volume.target) not in self._ever.get(key, ()):
                raise Violation(f"{container.name} starts with what never was in {key.label}", uid)
        self._given[host.key, container.id] = {target: dict(values) for target, values in given.items()}

    def waits(self, spec: TaskSpec, status: TaskStatus | None, host: Host) -> bool:
        """For one that is not there, or was not when its agent last looked; it looks again later each time."""
        named = [ObjectKey("Secret", "default", source.secret) for source in spec.env_from.values() if source.secret]
        if any(key not in self._now for key in (*named, *(key for _, key in _mounted(spec)))):
            return True
        missed = status is not None and status.reason in ("ConfigMissing", "SecretMissing") and status.next_attempt_at
        return bool(missed) and parse_timestamp(status.next_attempt_at if status else "") > host.clock.now()

    def check_settled(self, host: Host, uid: str, container: ContainerInfo, spec: TaskSpec) -> None:
        """Of a task that runs."""
        for volume, key in _mounted(spec):
            wanted, there = self._now.get(key), host.files.get(uid, {}).get(volume.target)
            if wanted is None:
                continue
            if there != wanted:
                raise Violation(f"{container.name} has other files than {key.label} has values", uid)
            if volume.on_change == "restart" and self._given[host.key, container.id][volume.target] != wanted:
                raise Violation(f"{container.name} was not restarted for {key.label}", uid)


def check_files_left(host: Host, assigned: set[str], past: Past, since: float) -> None:
    """Nothing of a task that is gone. `since`: what was taken away later may be left still."""
    for uid in host.files.keys() - assigned:
        if (host.name, uid) not in past.forgotten and not past.just_taken(host.name, uid, since):
            raise Violation(f"files of {uid} are left on {host.name}, where it is not assigned", uid)


def _mounted(spec: TaskSpec) -> list[tuple[Volume, ObjectKey]]:
    return [
        (volume, ObjectKey(_TYPES[volume.type], "default", volume.name))
        for volume in spec.volumes
        if volume.type in _TYPES
    ]
