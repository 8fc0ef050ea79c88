"""Real servers on loopback, of which most do what none should: each ends in time, with a reason."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from nodeagent.metrics import Unreadable, fetch
from taskyard.clock import SystemClock
from tests.nodeagent.metrics.servers import Answer, page, saying, serving

NEVER = threading.Event()


def get(port: int, *, longest: float = 5.0, largest: int = 100_000) -> str:
    return fetch(SystemClock(), "127.0.0.1", port, "/metrics", longest=longest, largest=largest)


def silent(connection: socket.socket) -> None:
    del connection
    NEVER.wait(20)


def dripping(connection: socket.socket) -> None:
    """A byte of a header now and then, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not NEVER.wait(0.05):
        connection.sendall(b"x")


def left_open(connection: socket.socket) -> None:
    connection.sendall(page("a 1\n"))
    NEVER.wait(20)


def chunked_and_left_open(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na \r\n")
    time.sleep(0.05)
    connection.sendall(b"2\r\n1\n\r\n0\r\n\r\n")
    NEVER.wait(20)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(saying(page("a 1\n")), id="with its length"),
        pytest.param(saying(b"HTTP/1.0 200 OK\r\n\r\na 1\n"), id="until it closes"),
        pytest.param(left_open, id="with its length, and left open"),
        pytest.param(chunked_and_left_open, id="in chunks, and left open"),
    ],
)
def test_what_a_program_tells(answer: Answer) -> None:
    with serving(answer) as port:
        assert get(port) == "a 1\n"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(saying(page("no", status="503 Busy")), "HTTP status 503", id="a failure"),
        pytest.param(
            saying(page("", status="302 Found", headers="Location: http://127.0.0.1:1/\r\n")),
            "HTTP status 302",
            id="a redirect is not followed",
        ),
        pytest.param(
            saying(page("x", headers="Content-Encoding: gzip\r\n")),
            "the answer is compressed, which was not asked for",
            id="compressed",
        ),
        pytest.param(saying(b"SSH-2.0-OpenSSH\r\n"), "the answer is not HTTP", id="another protocol"),
        pytest.param(saying(b""), "the answer is not HTTP", id="nothing at all"),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na 1\n"), "the answer is not HTTP", id="broken off"
        ),
        pytest.param(saying(page("a" * 100_001)), "the answer has more than 97 KiB", id="too long"),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000),
            "the answer has more than 97 KiB",
            id="too many headers",
        ),
    ],
)
def test_what_cannot_be_read(answer: Answer, why: str) -> None:
    with serving(answer) as port, pytest.raises(Unreadable) as caught:
        get(port)
    assert str(caught.value) == why


@pytest.mark.parametrize("answer", [silent, dripping])
def test_it_ends_in_time(answer: Answer) -> None:
    began = time.monotonic()
    with serving(answer) as port, pytest.raises(Unreadable, match="no answer in time"):
        get(port, longest=0.4)
    assert time.monotonic() - began < 3


def test_nobody_listens() -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreadable, match="connection refused"):
        get(port)
