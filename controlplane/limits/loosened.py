"""What of a task's security is looser than its namespace allows: all that is, where that says nothing. Pure; part of
what `beyond` finds.

The node has to allow the same, by its agent's flags. A path is compared as it is written, without links, which only its
node can follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from posixpath import normpath

from taskyard.capabilities import CAPABILITIES_ON_REQUEST, USUAL_CAPABILITIES
from taskyard.objects import TaskLimits, TaskSpec


def loosened(limits: TaskLimits, spec: TaskSpec, path: str) -> Iterator[str]:
    """`path`: of the spec in the manifest."""
    allowed = sorted(CAPABILITIES_ON_REQUEST) if limits.capabilities is None else limits.capabilities
    more = sorted({*spec.security.cap_add} - USUAL_CAPABILITIES - {*allowed})
    if more:
        yield f"{path}.security.capAdd has {', '.join(more)}, and may have {_words(allowed)}"
    if spec.network.mode == "host" and not limits.host_network:
        yield f"{path}.network.mode is host, which is not allowed"
    for at, volume in enumerate(spec.volumes):
        if volume.type == "host" and not _is_below(volume.path, limits.host_paths):
            folders = _words([f"what is below {folder}" for folder in limits.host_paths])
            yield f"{path}.volumes[{at}].path is {volume.path}, and may be {folders}"


def asks_for_more(spec: TaskSpec) -> bool:
    """Whether a namespace that says nothing could refuse anything: a quick look, as it is had at every task."""
    security, network = spec.security, spec.network
    return bool(security.cap_add) or network.mode == "host" or any(one.type == "host" for one in spec.volumes)


def _is_below(path: str, folders: Sequence[str]) -> bool:
    """A folder itself counts as well."""
    found = PurePosixPath(_plain(path))
    return any(found.is_relative_to(_plain(folder)) for folder in folders)


def _plain(path: str) -> str:
    """Without `..` and with one slash at the front, of which normpath keeps two."""
    return normpath("/" + path.lstrip("/"))


def _words(allowed: Sequence[str]) -> str:
    return " or ".join(allowed) or "none"
