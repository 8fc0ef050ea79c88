"""Who waits for whom in a namespace, and the way around a cycle. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from taskyard.objects import AnyObject, Dependency, Job, Service, Task


def dependencies_of(value: AnyObject) -> list[Dependency]:
    """Those of its tasks."""
    if isinstance(value, Task):
        return value.spec.depends_on
    if isinstance(value, Service | Job):
        return value.spec.template.spec.depends_on
    return []


def cycle_from(start: str, edges: Mapping[str, Sequence[str]]) -> list[str]:
    """`[start, …, start]`, a shortest one; empty when there is none."""
    came_from: dict[str, str] = {}
    level = [start]
    while level:
        following: list[str] = []
        for each in level:
            for other in edges.get(each, ()):
                if other == start:
                    return _way(start, each, came_from)
                if other not in came_from:
                    came_from[other] = each
                    following.append(other)
        level = following
    return []


def _way(start: str, last: str, came_from: Mapping[str, str]) -> list[str]:
    back = [start]
    while last != start:
        back.append(last)
        last = came_from[last]
    return [*reversed([*back, start])]
