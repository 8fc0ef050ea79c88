"""What keeps a node's singletons from running without its lease: the port, and the client of the watchdog process.

A singleton is held before it starts; each renewal of the lease moves the deadline; once that passes the watchdog kills
what is held, whether this agent lives or not. Called from the lease's thread and from the lanes.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Protocol

import msgspec

from nodeagent.watchdog import SOCKET

log = logging.getLogger(__name__)

_ANSWER = 1.0
"""Seconds that the watchdog gets for an answer; it does nothing else."""
_SPAWN = 5.0
_LOOK_AGAIN = 0.02


class Fences(msgspec.Struct, frozen=True):
    """When a singleton has to stop, on the monotonic clock."""

    stop_at: float
    """It gets its stop signal."""
    kill_at: float


def fences(deadline: float, ttl: float) -> Fences:
    """`deadline`: before it the lease cannot have expired. A tenth of the lease is left for the kill to take effect
    and for clocks that run at different speeds; two tenths before that are the container's to end by itself."""
    return Fences(deadline - 0.3 * ttl, deadline - 0.1 * ttl)


class Guard(Protocol):
    def extend(self, deadline: float, ttl: float) -> None:
        """The lease was renewed."""
        ...

    def fence(self) -> None:
        """The lease is lost: all that is held is killed now."""
        ...

    def hold(self, container: str, stop_signal: str) -> bool:
        """Before each start. False: it cannot be guaranteed to end in time, so it must not start."""
        ...

    def sees(self, container: str) -> bool:
        """Its processes can be found, and so killed."""
        ...

    def ended(self, container: str) -> None:
        """It was condemned, has run and has ended: it need not be looked for any more."""
        ...

    def release(self, container: str) -> None:
        """It has been removed."""
        ...

    def ask(self) -> None:
        """Brings `held` and `condemned` up to date."""
        ...

    @property
    def held(self) -> frozenset[str]:
        """Ids of containers, as of the last answer."""
        ...

    @property
    def condemned(self) -> frozenset[str]:
        """Ids of those that were killed, or will be as soon as they start, because the lease may have expired."""
        ...


class NoWatchdog(OSError):
    """It does not answer, and could not be started."""


class WatchdogGuard:
    """`folder`: the agent's data folder, where the watchdog listens. It is started when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._socket: socket.socket | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._wanted: dict[str, int] = {}
        """What this agent has asked to hold, for a new watchdog in place of one that died."""
        self._fences: Fences | None = None
        self.held: frozenset[str] = frozenset()
        self.condemned: frozenset[str] = frozenset()

    def extend(self, deadline: float, ttl: float) -> None:
        with self._lock:
            self._fences = fences(deadline, ttl)
            if self._wanted or self._socket is not None:
                self._try({"extend": [self._fences.stop_at, self._fences.kill_at]})

    def fence(self) -> None:
        with self._lock:
            self._fences = None
            if self._wanted or self._socket is not None:
                self._try({"fence": True})

    def hold(self, container: str, stop_signal: str) -> bool:
        with self._lock:
            if self._fences is None:
                return False
            signum = int(getattr(signal, stop_signal, signal.SIGTERM))
            self._wanted[container] = signum
            answer = self._try({"hold": {container: signum}})
            return answer is not None and container in answer["accepted"]

    def sees(self, container: str) -> bool:
        with self._lock:
            answer = self._try({"look": [container]})
            return answer is not None and container in answer["alive"]

    def ended(self, container: str) -> None:
        with self._lock:
            self._try({"ended": [container]})

    def release(self, container: str) -> None:
        with self._lock:
            known = self._wanted.pop(container, None) is not None
            if known or container in self.held or container in self.condemned:
                self._try({"release": [container]})

    def ask(self) -> None:
        with self._lock:
            if self._wanted or self._socket is not None:
                self._try({})

    def find(self) -> None:
        """At the start of the agent: the watchdog that an earlier one left, with what it holds, if there is one."""
        with self._lock, contextlib.suppress(OSError):
            self._socket = self._connect()
            answer = self._send({})
            self._wanted = dict.fromkeys([*answer["held"], *answer["condemned"]], int(signal.SIGTERM))

    def close(self) -> None:
        """The agent ends in good order; what is held stays so."""
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                self._send({"bye": True})
                self._socket.close()
                self._socket = None

    def _try(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """None when no watchdog is to be had; then nothing counts as held."""
        try:
            if self._socket is not None:
                try:
                    return self._send(message)
                except (OSError, ValueError) as error:
                    log.warning("the watchdog does not answer (%s): another is started", error)
            self._renew()
            return self._send(message)
        except (OSError, ValueError) as error:
            log.error("no watchdog: singletons cannot run (%s)", error)
            self.held = frozenset()
            return None

    def _renew(self) -> None:
        """Connects, starting one where there is none, and tells it all that this agent knows."""
        self._drop()
        try:
            self._socket = self._connect()
        except OSError:
            self._start()
        message: dict[str, Any] = {"hold": self._wanted}
        if self._fences is not None:
            message["extend"] = [self._fences.stop_at, self._fences.kill_at]
        self._send(message)

    def _start(self) -> None:
        if self._child is not None:
            self._child.poll()  # Reaps it.
        with open(self._folder / "watchdog.log", "wb") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "nodeagent.watchdog", str(self._folder)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        # Tried until it listens: a socket's file tells nobody that, and it is once in the watchdog's life.
        end = time.monotonic() + _SPAWN
        while True:
            try:
                self._socket = self._connect()
                return
            except OSError as error:
                if time.monotonic() > end or self._child.poll() not in (None, 0):
                    raise NoWatchdog(f"it does not listen in {self._folder}") from error
                time.sleep(_LOOK_AGAIN)

    def _connect(self) -> socket.socket:
        folder = os.open(self._folder, os.O_PATH)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(_ANSWER)
            connection.connect(f"/proc/self/fd/{folder}/{SOCKET}")
        except OSError:
            connection.close()
            raise
        finally:
            os.close(folder)
        return connection

    def _send(self, message: dict[str, Any]) -> dict[str, Any]:
        if self._socket is None:
            raise NoWatchdog("not connected")
        self._socket.sendall(json.dumps(message).encode() + b"\n")
        received = b""
        while not received.endswith(b"\n"):
            more = self._socket.recv(65536)
            if not more:
                raise NoWatchdog("it has closed the connection")
            received += more
        answer: dict[str, Any] = json.loads(received)
        self.held = frozenset(answer["held"])
        self.condemned = frozenset(answer["condemned"])
        return answer

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
