"""Signals that ask a process to end, heard on a thread of their own.

A handler runs on the main thread between any two of its steps: one that sets an Event while that thread is about to
wait for the same Event blocks for ever on its lock, and a signal that arrives just before the wait begins is not seen
until it ends. Here the interpreter itself writes the number into a socket (signal.set_wakeup_fd) from where a thread
reads it.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterable


def heed(numbers: Iterable[int], heard: Callable[[int], None]) -> None:
    """Calls `heard` with each of these signals from now on, one after the other. From the main thread, once in a
    process."""
    numbers = frozenset(numbers)
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    threading.Thread(target=_listen, args=(reader, numbers, heard), name="signals", daemon=True).start()
    signal.set_wakeup_fd(writer.detach(), warn_on_full_buffer=False)
    for number in numbers:
        # Without a handler the signal would end the process, and nothing would be written.
        signal.signal(number, lambda *_: None)


def _listen(reader: socket.socket, numbers: frozenset[int], heard: Callable[[int], None]) -> None:
    while received := reader.recv(64):
        for number in received:
            if number in numbers:
                heard(number)
