"""Cuts what is to be written into commits that etcd takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from taskyard.store.api import MAX_COMMIT_BYTES

T = TypeVar("T")
_AROUND = 200
"""Bytes of a key and its compare."""


def chunks(ready: Iterable[T], size: int, key: Callable[[T], str], written: Callable[[T], bytes]) -> list[list[T]]:
    """Commits of at most `size` operations and about a megabyte; no key twice in one."""
    found: list[list[T]] = []
    taken: set[str] = set()
    room = 0
    for item in ready:
        weight = len(written(item)) + _AROUND
        if not found or len(found[-1]) >= size or weight > room or key(item) in taken:
            found.append([])
            taken, room = set(), MAX_COMMIT_BYTES
        found[-1].append(item)
        taken.add(key(item))
        room -= weight
    return found
