"""Disk that containers use: what they wrote to their own layer and to their logs. Walks their folders now and then.

A container may write a great many files, so a walk has a bound; what lies beyond is not counted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from taskyard.clock import Clock

EVERY = 60.0
"""Seconds between two walks of the same container."""
MOST_FILES = 100_000
_BLOCK = 512
"""What st_blocks counts in, whatever the file system (stat(2))."""


class DiskUse:
    """`folders`: where on this machine a container writes, by its id; none where that cannot be known. It is asked once
    for each, as it stays the same and the inspect that it takes costs more than the walk."""

    def __init__(self, clock: Clock, folders: Callable[[str], tuple[str, ...]]) -> None:
        self._clock = clock
        self._folders = folders
        self._known: dict[str, tuple[float, int]] = {}
        self._places: dict[str, tuple[str, ...]] = {}

    def of(self, containers: Iterable[str]) -> dict[str, int]:
        """Bytes by container id, up to EVERY seconds old."""
        now = self._clock.monotonic()
        self._known = {one: self._measured(one, now) for one in containers}
        self._places = {one: places for one, places in self._places.items() if one in self._known}
        return {one: used for one, (_, used) in self._known.items()}

    def _measured(self, container: str, now: float) -> tuple[float, int]:
        known = self._known.get(container)
        if known is not None and now < known[0] + EVERY:
            return known
        places = self._places.get(container) or self._folders(container)
        self._places[container] = places
        return now, sum(map(used, places))


def used(folder: str) -> int:
    """Bytes of disk below a folder; a file with several names counts once."""
    total, seen = 0, set()
    for place, _, files in os.walk(folder):
        for name in files:
            try:
                found = os.lstat(os.path.join(place, name))
            except OSError:
                continue  # It went while this walked.
            if found.st_ino not in seen:
                seen.add(found.st_ino)
                total += found.st_blocks * _BLOCK
        if len(seen) >= MOST_FILES:
            break
    return total
