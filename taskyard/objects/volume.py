"""NamedVolume: on which node the data of a named volume is. A task that mounts the volume goes there.

Called so because a task's `Volume` is the mount; in manifests its kind is `Volume`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from taskyard.objects.base import Metadata, Wire, api_version


class NamedVolumeSpec(Wire, frozen=True, kw_only=True):
    node: str
    removed_with: str = ""
    """uid of the task that made it with `onDelete: remove`: when that goes, so does the data."""


def _kind() -> Literal["Volume"]:
    return "Volume"


class NamedVolume(Wire, frozen=True, kw_only=True):
    """The value of `/taskyard/v1/volumes/<namespace>/<name>`."""

    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: Literal["Volume"] = msgspec.field(default_factory=_kind)
    metadata: Metadata
    spec: NamedVolumeSpec
