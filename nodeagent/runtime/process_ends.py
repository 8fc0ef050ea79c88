"""The kernel's word that a container's first process has ended, and how, before the container runtime has noticed.

One descriptor for each container that runs, and one wait for all of them. Works where the agent sees the containers'
processes, on kernels from 6.15 on, which tell whoever holds a pidfd how its process ended (PIDFD_GET_INFO in
linux/pidfd.h). Elsewhere nothing is watched, and the runtime's own word is the first. Used by docker.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import threading
import time
from collections.abc import Iterator
from functools import cache

from nodeagent.runtime.port import ContainerEnd
from nodeagent.runtime.processes import first_process, is_of

MOST_WATCHED = 500
"""Descriptors. An agent may have 1,024 where nobody raised its limit, and needs some for all else."""
_INFO = struct.Struct("=QQ11Ii")
"""struct pidfd_info, as first published: what is asked for, ids and owners, the exit status as of wait(2)."""
_EXIT = 1 << 3
"""PIDFD_INFO_EXIT"""
_GET_INFO = 0xC040FF0B
"""PIDFD_GET_INFO: _IOWR(0xFF, 11, struct pidfd_info)"""
_SINCE = 6, 15
"""The kernel's version."""
_REAPED = 0
"""No event of a descriptor but its hanging up, which comes when its process was waited for: then how it ended is known.
One that has only ended is told as readable, a moment sooner."""


_DYING = 0.05
"""Seconds that a kill is waited for; most take a few milliseconds."""


class ProcessEnds:
    """Iterate over it in one thread; any thread may call the rest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._poll: select.epoll | None = None
        self._watched: dict[str, int] = {}
        """Descriptor by container id."""
        self._closed = False

    def watch(self, container: str, pid: int = 0) -> None:
        """`container`: its full id. `pid`: its first process, where that is known."""
        if not tells_how() or container in self._watched or len(self._watched) >= MOST_WATCHED:
            return
        pid = pid or first_process(container)
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(pid) if pid else -1
            # What it names is looked at only now: the id might have been given to another process before.
            if descriptor >= 0 and not (is_of(container, pid) and self._add(container, descriptor)):
                os.close(descriptor)

    def forget(self, container: str) -> None:
        """Its end is asked for, or it is gone."""
        with self._lock:
            descriptor = self._watched.pop(container, None)
            if descriptor is not None:
                os.close(descriptor)

    def kill(self, container: str) -> None:
        """Sends SIGKILL to the first process, if it is watched, and waits a moment until the runtime's shim has seen it
        end; it is forgotten. Who removes the container next spares the runtime a program that it starts for a kill."""
        with self._lock:
            descriptor = self._watched.pop(container, None)
            if descriptor is not None and self._poll is not None:
                self._poll.unregister(descriptor)
        if descriptor is None:
            return
        try:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            waited_for = select.poll()
            waited_for.register(descriptor, _REAPED)
            waited_for.poll(_DYING * 1000)
        except OSError:
            pass  # It has ended by itself, or may not be signalled by this user: the removal kills what is left.
        finally:
            os.close(descriptor)

    def __iter__(self) -> Iterator[ContainerEnd]:
        """Waits for the next; ends after `close`."""
        while not self._closed:
            for descriptor, _ in self._opened().poll(1.0):
                found = self._ended(descriptor)
                if found is not None:
                    yield found

    def close(self) -> None:
        """The wait ends within a second."""
        self._closed = True
        for container in list(self._watched):
            self.forget(container)

    def _opened(self) -> select.epoll:
        with self._lock:
            self._poll = self._poll or select.epoll()
            return self._poll

    def _add(self, container: str, descriptor: int) -> bool:
        poll = self._opened()
        with self._lock:
            if self._closed or container in self._watched:
                return False
            poll.register(descriptor, _REAPED)
            self._watched[container] = descriptor
            return True

    def _ended(self, descriptor: int) -> ContainerEnd | None:
        """None where it was forgotten meanwhile; the number may be another container's by then, which runs."""
        with self._lock:
            container = next((one for one, known in self._watched.items() if known == descriptor), None)
            status = _status(descriptor) if container is not None else None
            if container is None:
                return None
            # Also where it could not be told: the hang-up stays, and would be told for ever.
            del self._watched[container]
            os.close(descriptor)
        if status is None:
            return None
        return ContainerEnd(container, _exit_code(status), time.time())


@cache
def tells_how() -> bool:
    """Whether this machine's kernel says of a process that was waited for how it ended."""
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return found is not None and (int(found[1]), int(found[2])) >= _SINCE


def _exit_code(status: int) -> int:
    """As container runtimes tell it: 128 and the signal where it was one."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _status(descriptor: int) -> int | None:
    """As of wait(2); None while nobody has waited for it, and where the kernel does not tell."""
    asked = bytearray(_INFO.pack(_EXIT, *([0] * 13)))
    try:
        fcntl.ioctl(descriptor, _GET_INFO, asked)
    except OSError:
        return None
    told, *_, status = _INFO.unpack(asked)
    return int(status) if told & _EXIT else None
