"""Several logs at once on one stdout, in whole lines, each with its task's name. Used by `logs`.

A thread reads each log and waits for its turn to print, so a slow reader of stdout slows them all; their number is
bounded. With `follow`, tasks that come to match, and new attempts of those that do, are taken up as they start.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from taskyard.cli.failure import Failed, complain, note
from taskyard.cli.screen import Screen
from taskyard.client.errors import ClientError
from taskyard.client.views import TaskView
from taskyard.client.watch import Change

WITHOUT_CONTAINER = ("Pending", "Scheduled")
ENDED = ("Completed", "Failed", "Lost", "Unknown")
_MAX_LINE = 65_536
"""A longer one is printed in parts."""

Read = Callable[[TaskView], AbstractContextManager[Iterator[bytes]]]
Batch = list[Change[TaskView]]


class Lines:
    """Prints whole lines of several streams under their prefixes."""

    def __init__(self, screen: Screen, *, prefixed: bool) -> None:
        self._screen = screen
        self._prefixed = prefixed
        self._width = 0
        self._turn = threading.Lock()

    def widen(self, name: str) -> None:
        self._width = max(self._width, len(name))

    def copy(self, name: str, pieces: Iterator[bytes]) -> None:
        rest = b""
        for piece in pieces:
            whole, newline, rest = (rest + piece).rpartition(b"\n")
            if newline:
                self._print(name, whole.split(b"\n"))
            if len(rest) > _MAX_LINE:
                self._print(name, [rest])
                rest = b""
        if rest:
            self._print(name, [rest])

    def _print(self, name: str, lines: list[bytes]) -> None:
        prefix = f"{name:<{self._width}} | ".encode() if self._prefixed else b""
        with self._turn:
            self._screen.write(b"".join([prefix + line + b"\n" for line in lines]))


def each_once(tasks: list[TaskView], read: Read, lines: Lines) -> None:
    """One after the other, in order. Failed at the end when one could not be read."""
    failed = False
    for task in tasks:
        lines.widen(task.metadata.name)
    for task in tasks:
        if task.status.state in WITHOUT_CONTAINER:
            note(f"task/{task.metadata.name} has no container yet, it is {task.status.state}")
            continue
        failed |= not _copy(task, read, lines)
    if failed:
        raise Failed()


class Tail:
    """All of them at once, until each has ended, or until Ctrl-C."""

    def __init__(self, read: Read, lines: Lines, most: int) -> None:
        self._read = read
        self._lines = lines
        self._most = most
        self._news: queue.Queue[Batch | ClientError | OSError | str | None] = queue.Queue()
        """What the watch says; the uid of a log that has ended; None when the watch has; what ends it all."""
        self._tasks: dict[str, TaskView] = {}
        self._taken: set[tuple[str, int, int]] = set()
        self._reading: list[str] = []
        self._failed = False

    def run(self, batches: Iterator[Batch]) -> None:
        """Raises ClientError where the watch fails, Failed when there is nothing to follow, or too much."""
        threading.Thread(target=self._watch, args=(batches,), daemon=True).start()
        first = True
        while True:
            news = self._news.get()
            if isinstance(news, (ClientError, OSError)):
                raise news
            if isinstance(news, list):
                self._take(news)
                if first and not self._tasks:
                    raise Failed("there are no tasks that match")
                first = False
            elif news is not None:
                self._reading.remove(news)
            over = all(task.status.state in ENDED for task in self._tasks.values())
            if not self._reading and (over or news is None):
                break
        if self._failed:
            raise Failed()

    def _watch(self, batches: Iterator[Batch]) -> None:
        try:
            for batch in batches:
                self._news.put(list(batch))
            self._news.put(None)
        except ClientError as error:
            self._news.put(error)

    def _take(self, batch: Batch) -> None:
        fresh = []
        for change in batch:
            task = change.item.view
            if change.type == "DELETED":
                self._tasks.pop(task.metadata.uid, None)
                continue
            self._tasks[task.metadata.uid] = task
            attempt = (task.metadata.uid, task.status.epoch, task.status.attempt)
            # An attempt that waits for its time has no container yet, and the log would be that of the one before.
            begun = task.status.state not in WITHOUT_CONTAINER and (task.status.state != "Starting")
            if begun and attempt not in self._taken:
                self._taken.add(attempt)
                fresh.append(task)
        if len(self._reading) + len(fresh) > self._most:
            raise Failed(
                f"more than {self._most} tasks match, and each is a stream of its own",
                "choose fewer, or raise --max-log-requests",
            )
        for task in fresh:
            self._lines.widen(task.metadata.name)
            self._reading.append(task.metadata.uid)
            threading.Thread(target=self._copy, args=(task,), daemon=True).start()

    def _copy(self, task: TaskView) -> None:
        try:
            self._failed |= not _copy(task, self._read, self._lines)
            self._news.put(task.metadata.uid)
        except OSError as error:  # The reader of stdout has gone.
            self._news.put(error)


def _copy(task: TaskView, read: Read, lines: Lines) -> bool:
    name = task.metadata.name
    try:
        with read(task) as pieces:
            lines.copy(name, pieces)
    except ClientError as error:
        complain(f"task/{name}: {error}", error.hint)
        return False
    return True
