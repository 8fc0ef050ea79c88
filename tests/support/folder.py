"""A watched folder over a store in memory, on virtual time, with real files."""

from __future__ import annotations

from pathlib import Path

from controlplane.folder import ManifestsFolder
from taskyard import keys
from taskyard.objects import Event, Task, decode
from tests.support.plane import Plane


def manifest(name: str, image: str = "busybox:1.35") -> str:
    return f"apiVersion: taskyard/v1\nkind: Task\nmetadata: {{name: {name}}}\nspec: {{image: '{image}'}}\n"


class WatchedFolder:
    """`plane` may be shared by two replicas' folders; each has its own informer there."""

    def __init__(self, path: Path, plane: Plane | None = None) -> None:
        self.path = path
        self.plane = plane or Plane()
        self.folder = self.restarted()

    def restarted(self) -> ManifestsFolder:
        """As a new process knows it: nothing but what is on disk and in the store."""
        plane = self.plane
        self.folder = ManifestsFolder(
            self.path,
            store=plane.store,
            cache=plane.cache,
            clock=plane.clock,
            events=plane.events,
            fence=plane.elector.fence,
        )
        return self.folder

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)
        self.folder.changed()

    def delete(self, name: str) -> None:
        (self.path / name).unlink()
        self.folder.changed()

    def settle(self, seconds: float = 5.0) -> None:
        """Lets virtual time pass, with every round that is due in it."""
        plane = self.plane
        left = seconds
        while left > 0:
            plane.elector.step()
            plane.pump()
            self.folder.step()
            plane.pump()
            plane.clock.advance(0.1)
            left -= 0.1

    def tasks(self) -> dict[str, Task]:
        entries = self.plane.store.list(keys.TASKS).entries
        return {task.metadata.name: task for task in (decode(entry.value, Task) for entry in entries)}

    def told(self) -> list[tuple[str, int]]:
        """Reason and count of every event."""
        self.plane.events.flush()
        entries = self.plane.store.list(keys.EVENTS).entries
        events = [decode(entry.value, Event) for entry in entries]
        return sorted((event.reason, event.count) for event in events)
