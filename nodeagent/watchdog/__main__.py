"""`python -m nodeagent.watchdog FOLDER`: listens in the agent's data folder, and ends when nobody needs it.

One agent talks to it at a time, a line of JSON each way (see `nodeagent.guard`). An agent that dies changes nothing:
what it held stays held until the deadline, and the next agent finds it here.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from nodeagent.watchdog import SOCKET, processes
from nodeagent.watchdog.sentinel import Kill, Sentinel, Stop

LONGEST = 65536
"""Bytes of one message."""
_IDLE = 10.0
"""Seconds that it waits for an agent when it has nothing to care for."""
_PARTED = 1.0
"""Seconds between looks whether anything that it cares for still runs, once the agent has ended in good order."""
_MCL_CURRENT_AND_FUTURE = 3


class Watchdog:
    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._sentinel = Sentinel()
        self._agent: socket.socket | None = None
        self._buffer = b""
        self._alone_since = _now()
        self._parted = False
        """The last agent has said that it ends."""

    def run(self) -> None:
        while self._needed():
            self._act()
            wait = min(self._sentinel.wait(_now()), _PARTED if self._parted else _IDLE)
            sockets = [self._listening] + ([self._agent] if self._agent else [])
            for ready in select.select(sockets, [], [], wait)[0]:
                if ready is self._listening:
                    self._accept()
                elif ready is self._agent:
                    self._hear()

    def _needed(self) -> bool:
        if self._agent is not None:
            return True
        if not self._parted and (self._sentinel.held or _now() < self._alone_since + _IDLE):
            return True
        return bool(processes.running({*self._sentinel.held, *self._sentinel.condemned}))

    def _act(self) -> None:
        steps = self._sentinel.due(_now())
        found = processes.running({step.container for step in steps})
        for step in steps:
            pids = found.get(step.container, ())
            match step:
                case Kill(container):
                    processes.kill(container, pids)
                case Stop(container, signum):
                    processes.stop(container, pids, signum)

    def _accept(self) -> None:
        agent, _ = self._listening.accept()
        agent.settimeout(1.0)
        if self._agent is not None:
            self._agent.close()
        self._agent, self._buffer, self._parted = agent, b"", False

    def _hear(self) -> None:
        assert self._agent is not None
        try:
            heard = self._agent.recv(LONGEST)
            self._buffer += heard
            while b"\n" in self._buffer:
                line, _, self._buffer = self._buffer.partition(b"\n")
                self._agent.sendall(json.dumps(self._answer(json.loads(line))).encode() + b"\n")
        except (OSError, ValueError, KeyError, TypeError):
            heard = b""
        if not heard or len(self._buffer) > LONGEST:
            self._agent.close()
            self._agent = None
            self._alone_since = _now()

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        sentinel = self._sentinel
        if message.get("fence"):
            sentinel.fence(_now())
            self._act()
        if "extend" in message:
            # What the deadline that has passed condemned stays so, whatever the new one says.
            self._act()
            stop_at, kill_at = message["extend"]
            sentinel.extend(float(stop_at), float(kill_at))
        self._parted = bool(message.get("bye"))
        for container in message.get("ended", ()):
            sentinel.ended(container)
        for container in message.get("release", ()):
            sentinel.release(container)
        accepted = [id_ for id_, signum in message.get("hold", {}).items() if sentinel.hold(id_, int(signum), _now())]
        return {
            "accepted": accepted,
            "held": list(sentinel.held),
            "condemned": list(sentinel.condemned),
            "alive": list(processes.running(message.get("look", ()))),
        }


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _harden() -> None:
    """As little as possible may keep it from acting in time. Each is a help that not every host allows."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("-1000")
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mlockall(_MCL_CURRENT_AND_FUTURE)


def main(folder: str) -> int:
    """0 when it was not needed any more, or another one is here already."""
    # Through a descriptor: the address of a socket may not be longer than 107 bytes, folders may.
    path = Path(f"/proc/self/fd/{os.open(folder, os.O_PATH)}") / SOCKET
    probe = socket.socket(socket.AF_UNIX)
    with contextlib.closing(probe), contextlib.suppress(OSError):
        probe.connect(str(path))
        return 0
    listening = socket.socket(socket.AF_UNIX)
    path.unlink(missing_ok=True)
    os.umask(0o177)  # Only who the agent runs as may speak to it.
    listening.bind(str(path))
    listening.listen(4)
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    _harden()
    try:
        Watchdog(listening).run()
    finally:
        path.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
