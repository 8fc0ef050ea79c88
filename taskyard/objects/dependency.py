"""Dependency: what a task waits for before it is given its first node."""

from __future__ import annotations

from typing import Literal

from taskyard.objects.base import Wire
from taskyard.quantity import Duration


class Dependency(Wire, frozen=True, kw_only=True):
    """An object of the same namespace. `condition` empty: completed for a Job, healthy for a Service or a Task."""

    kind: Literal["Task", "Service", "Job"] = "Service"
    name: str
    condition: Literal["", "started", "healthy", "completed"] = ""
    timeout: Duration | None = None
    """Waiting for longer is told as an event; it goes on."""

    @property
    def label(self) -> str:
        return f"{self.kind.lower()}/{self.name}"

    @property
    def awaited(self) -> str:
        return self.condition or ("completed" if self.kind == "Job" else "healthy")


class Dependencies(Wire, frozen=True, kw_only=True):
    """The value of `/taskyard/v1/dependencies/<namespace>`, compared and written in each transaction that writes an
    object which depends on others: so no two of them can close a cycle together."""

    edges: dict[str, list[str]]
    """`service/web` → what it waits for. May still have what was deleted."""
