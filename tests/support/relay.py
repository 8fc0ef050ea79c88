"""A TCP relay in front of a server, to break a connection in the ways that killing the server cannot.

It listens on a free port of 127.0.0.1. Cut, it closes what is open and refuses what is new; muted, it goes on taking
requests but holds the answers back; slowed down, it passes them on at a few bytes a second.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType


class Relay:
    """`with Relay("127.0.0.1:2379") as relay:` forwards relay.endpoint to there."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._answers = threading.Event()
        self._answers.set()
        self._listener: socket.socket | None = None
        self._port = 0
        self.accepted = 0
        """Connections so far."""
        self.answered = 0
        """Bytes of answers so far."""
        self._pause = threading.Event()
        self._rate = 0.0

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self._port}"

    def join(self) -> None:
        """Lets connections through (again)."""
        self._answers.set()
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Nothing when it is cut already."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # close alone would not wake the thread that accepts
            self._listener.close()
            self._listener = None
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            self._open.clear()
        self._answers.set()

    def mute(self) -> None:
        """Requests still arrive; no answer comes until `unmute`."""
        self._answers.clear()

    def slow_down(self, rate: float) -> None:
        """Each connection's answers come at `rate` bytes a second; 0: as fast as they can."""
        self._rate = rate

    def abandon(self) -> None:
        """Mutes for good the connections that are open; new ones work."""
        with self._lock:
            self._answers.clear()
            self._answers = threading.Event()
            self._answers.set()

    def unmute(self) -> None:
        self._answers.set()

    def __enter__(self) -> Relay:
        self.join()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                try:
                    server = socket.create_connection(self._target)
                except OSError:
                    client.close()
                    continue
                with self._lock:
                    self.accepted += 1
                    self._open |= {client, server}
                    answers = self._answers
                threading.Thread(target=self._pump, args=(client, server, None), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, answers), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, gate: threading.Event | None) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if gate is not None:
                    gate.wait()
                    self.answered += len(data)
                    if self._rate:
                        self._pause.wait(len(data) / self._rate)
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            with self._lock:
                self._open.discard(one)
