"""Which paths of the node a task may mount: those below the allowed folders, once all links are followed.

Reads the file system; called right before a container is created. What is mounted is the path that was checked. Whoever
can rename things inside an allowed folder while a container starts can still change what lies there: allow only folders
whose contents are trusted not to.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from taskyard.objects import TaskSpec

ENGINE_SOCKETS = (
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
)
"""Whoever has one of these owns the node."""


class PathRefused(Exception):
    """The message says which path, why, and what to do."""


class HostPaths:
    """`allowed`: folders. `never`: what no folder may bring in, a container engine's socket above all."""

    def __init__(self, allowed: Iterable[str] = (), never: Iterable[str] = ENGINE_SOCKETS) -> None:
        self._allowed = tuple(allowed)
        self._never = tuple(never)

    def resolve(self, spec: TaskSpec) -> dict[str, str]:
        """The real path of each that the spec names. PathRefused for the first that must not be mounted."""
        return {volume.path: self._real(volume.path) for volume in spec.volumes if volume.type == "host"}

    def _real(self, path: str) -> str:
        try:
            real = Path(path).resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise PathRefused(f"{path} cannot be mounted: it is not there on this node ({_reason(error)})") from error
        said = path if str(real) == path else f"{path} (a link to {real})"
        if not any(real.is_relative_to(os.path.realpath(folder)) for folder in self._allowed):
            raise PathRefused(
                f"{said} is not below a folder that this node allows: start its agent with --allow-host-path, or take"
                " a named volume"
            )
        for kept in self._never:
            if (Path(os.path.realpath(kept)).is_relative_to(real) and os.path.exists(kept)) or _same_socket(real, kept):
                raise PathRefused(f"{said} is never mounted: with {kept} a task would own this node")
        return str(real)


def _same_socket(path: Path, socket: str) -> bool:
    """Under another name of the same file."""
    try:
        one, other = path.stat(), os.stat(socket)
    except OSError:
        return False
    return stat.S_ISSOCK(one.st_mode) and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)
