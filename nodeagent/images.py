"""Which images this agent fetched for tasks, and when each was last needed: what may be removed once nobody needs it.

Kept in a file in the data folder, so that a new agent knows. An image that was here before, or that somebody else
pulled, is never in it. What to remove is decided here, purely; nodeagent/housekeeping.py does it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec

from nodeagent import durable

log = logging.getLogger(__name__)

UNUSED_FOR = 7 * 24 * 3600.0
"""Seconds after which an image that no task here wants is removed."""
_UNUSED_UNDER_PRESSURE = 300.0
_FILE = "images.json"


class FetchedImages:
    """By reference, as tasks write it. Any thread may call."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._lock = threading.Lock()
        self._needed: dict[str, float] | None = None

    def fetched(self, image: str, now: float) -> None:
        """Raises OSError."""
        with self._lock:
            self._save({**self._load(), image: now})

    def needed(self, images: Iterable[str], now: float) -> None:
        """By tasks that are assigned here, running or not."""
        with self._lock:
            known = self._load()
            self._save({**known, **{image: now for image in images if image in known}})

    def forget(self, image: str) -> None:
        with self._lock:
            self._save({name: at for name, at in self._load().items() if name != image})

    def removable(self, now: float, *, pressed: bool) -> list[str]:
        """The longest unneeded first."""
        with self._lock:
            return removable(self._load(), now, pressed=pressed)

    def _load(self) -> dict[str, float]:
        if self._needed is None:
            try:
                self._needed = msgspec.json.decode(self._path.read_bytes(), type=dict[str, float])
            except FileNotFoundError:
                self._needed = {}
            except (OSError, msgspec.DecodeError) as error:
                log.warning("%s cannot be read, so the images in it are kept: %s", self._path, error)
                self._needed = {}
        return self._needed

    def _save(self, needed: dict[str, float]) -> None:
        if needed != self._needed:
            durable.write(self._path, msgspec.json.encode(needed).decode())
            self._needed = needed


def removable(needed: dict[str, float], now: float, *, pressed: bool) -> list[str]:
    """`needed`: when each was needed last, in seconds since the epoch. The longest unneeded first."""
    wait = _UNUSED_UNDER_PRESSURE if pressed else UNUSED_FOR
    return sorted((image for image, at in needed.items() if now - at >= wait), key=lambda image: needed[image])
