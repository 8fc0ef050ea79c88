"""Task manifests that tests apply, as plain data."""

from __future__ import annotations

from typing import Any

IMAGE = "busybox:1.35"


def task(name: str, *command: str, **spec: Any) -> dict[str, Any]:
    """A Task of the demo image; without a command it sleeps. Its container stops at once when asked."""
    return {
        "apiVersion": "taskyard/v1",
        "kind": "Task",
        "metadata": {"name": name},
        "spec": {"image": IMAGE, "command": list(command) or ["sleep", "3600"], "stop": {"gracePeriod": "0s"}, **spec},
    }
