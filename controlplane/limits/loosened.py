"""What of a task's security is looser than its namespace allows. Pure; part of what `beyond` finds.

The node has the last word on the same, by its agent's flags: this only takes away. A path is compared as it is written,
without links, which only its node can follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from posixpath import normpath

from taskyard.capabilities import USUAL_CAPABILITIES
from taskyard.objects import TaskLimits, TaskSpec


def loosened(limits: TaskLimits, spec: TaskSpec, path: str) -> Iterator[str]:
    """`path`: of the spec in the manifest."""
    if limits.capabilities is not None:
        more = sorted({*spec.security.cap_add} - USUAL_CAPABILITIES - {*limits.capabilities})
        if more:
            yield f"{path}.security.capAdd has {', '.join(more)}, and may have {_words(limits.capabilities)}"
    if limits.host_network is False and spec.network.mode == "host":
        yield f"{path}.network.mode is host, which is not allowed"
    if limits.host_paths is not None:
        for at, volume in enumerate(spec.volumes):
            if volume.type == "host" and not _is_below(volume.path, limits.host_paths):
                allowed = _words([f"what is below {folder}" for folder in limits.host_paths])
                yield f"{path}.volumes[{at}].path is {volume.path}, and may be {allowed}"


def _is_below(path: str, folders: Sequence[str]) -> bool:
    """A folder itself counts as well."""
    found = PurePosixPath(_plain(path))
    return any(found.is_relative_to(_plain(folder)) for folder in folders)


def _plain(path: str) -> str:
    """Without `..` and with one slash at the front, of which normpath keeps two."""
    return normpath("/" + path.lstrip("/"))


def _words(allowed: Sequence[str]) -> str:
    return " or ".join(allowed) or "none"
