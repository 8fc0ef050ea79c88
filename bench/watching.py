"""The states of all tasks as the API's watch tells them, followed by a thread, so that a benchmark need not poll."""

from __future__ import annotations

import threading
import time

from taskyard.client.api import Client
from taskyard.client.views import TaskView
from taskyard.client.watch import Change


class StateWatch:
    """Used as a context: follows the API's watch of the tasks and lets callers wait for states."""

    def __init__(self, url: str) -> None:
        self._client = Client(url)
        self._states: dict[str, str] = {}
        self._changed = threading.Condition()

    def __enter__(self) -> StateWatch:
        # A daemon: it waits for the server's next word and ends with the process.
        threading.Thread(target=self._follow, name="state-watch", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def wait(self, names: set[str], state: str, timeout: float = 120) -> None:
        """Until all of them are in `state`; the empty state is a task that is gone. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while late := {name: now for name in names if (now := self._states.get(name, "")) != state}:
                if not self._changed.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"not {state or 'gone'} within {timeout:.0f} s: {late}")

    def _follow(self) -> None:
        for batch in self._client.watch_tasks():
            with self._changed:
                for change in batch:
                    self._take(change)
                self._changed.notify_all()

    def _take(self, change: Change[TaskView]) -> None:
        task = change.item.view
        if change.type == "DELETED":
            self._states.pop(task.metadata.name, None)
        else:
            self._states[task.metadata.name] = task.status.state
