"""Which volumes of a task are Secrets and Configs, and what their files are to be like. Pure; the struct's spellings
become numbers here."""

from __future__ import annotations

from nodeagent.value_files import FileSettings
from taskyard.keys import ObjectKey
from taskyard.objects import Assignment, TaskSpec, Volume


def of_values(spec: TaskSpec) -> tuple[Volume, ...]:
    return tuple(volume for volume in spec.volumes if volume.type in ("secret", "config"))


def source(assignment: Assignment, volume: Volume) -> ObjectKey:
    return ObjectKey("Secret" if volume.type == "secret" else "Config", assignment.namespace, volume.name)


def settings(volume: Volume) -> FileSettings:
    """A user without a group has the group of the same number."""
    user, _, group = volume.owner.partition(":")
    return FileSettings(int(volume.mode, 8), int(user), int(group or user))
