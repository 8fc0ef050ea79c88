"""Programs that tell of themselves, well and badly: each answers any number of connections on loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

Answer = Callable[[socket.socket], None]


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[int]:
    """The port. `answer` is called once the request was read, in a thread for each connection."""

    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request and (part := connection.recv(65536)):
                request += part
            answer(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        # An accept that waits holds the port; this ends it.
        listener.shutdown(socket.SHUT_RDWR)


def saying(raw: bytes) -> Answer:
    return lambda connection: connection.sendall(raw)


def page(text: str, *, status: str = "200 OK", headers: str = "") -> bytes:
    body = text.encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body
