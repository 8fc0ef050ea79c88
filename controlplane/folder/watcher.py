"""Tells that something in the folder may have changed; the only place that knows watchdog. What changed is looked up.

Nothing depends on it: events get lost (a full queue, a network file system), and the folder is looked at every so often
anyway.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

_log = logging.getLogger(__name__)
_SILENT = ("opened", "closed_no_write")
"""Events of those who only read, as we do ourselves."""


class FolderWatcher(FileSystemEventHandler):
    """Calls `changed` from a thread of its own, from `ensure` on until `stop`."""

    def __init__(self, folder: Path, changed: Callable[[], None]) -> None:
        self._folder = folder
        self._changed = changed
        self._observer: BaseObserver | None = None
        self._watched: tuple[int, int] | None = None
        self._said = ""

    def ensure(self) -> None:
        """Watches the folder that is at the path now: it may have been made anew, or be a link that was swapped."""
        try:
            stat = self._folder.stat()
        except OSError:
            return
        at = (stat.st_dev, stat.st_ino)
        if self._observer is not None and self._observer.is_alive() and at == self._watched:
            return
        self.stop()
        observer = Observer()
        try:
            observer.schedule(self, str(self._folder), recursive=True)
            observer.start()
        except OSError as error:  # no inotify watches left, for one
            if self._said != str(error):
                _log.warning("%s cannot be watched, and is only looked at now and then: %s", self._folder, error)
            self._said = str(error)
            return
        self._observer, self._watched = observer, at
        self._changed()

    def stop(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type not in _SILENT:
            self._changed()
