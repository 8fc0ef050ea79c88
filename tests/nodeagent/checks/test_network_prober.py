"""HTTP and TCP against servers on loopback, which is where a container on the node's own network is asked."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from nodeagent.checks.prober import NetworkProber
from nodeagent.runtime.fake import FakeRuntime
from nodeagent.runtime.port import ContainerInfo, ContainerState
from taskyard.clock import ManualClock, SystemClock
from taskyard.objects import Check, HttpCheck, TcpCheck
from tests.nodeagent.metrics.servers import Answer, saying, serving

CONTAINER = ContainerInfo("c1", "web", {}, ContainerState.RUNNING)


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/ready": 204, "/moved": 302}.get(self.path, 503))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def silent() -> Iterator[int]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def probe(check: Check) -> str:
    return NetworkProber(FakeRuntime(ManualClock()), SystemClock()).probe(CONTAINER, check)


@pytest.mark.parametrize(
    ("path", "failure"),
    [("/ready", ""), ("/moved", ""), ("/other", "HTTP status 503")],
)
def test_a_status_below_400_passes(port: int, path: str, failure: str) -> None:
    assert probe(Check(http=HttpCheck(port=port, path=path))) == failure


def test_a_connection_passes_or_is_refused(port: int, closed: int) -> None:
    assert probe(Check(tcp=TcpCheck(port=port))) == ""
    assert probe(Check(tcp=TcpCheck(port=closed))) == "connection refused"
    assert probe(Check(http=HttpCheck(port=closed))) == "connection refused"


def test_silence_is_given_up_in_time(silent: int) -> None:
    assert probe(Check(tcp=TcpCheck(port=silent))) == ""
    assert probe(Check(http=HttpCheck(port=silent), timeout="200ms")) == "no answer in time"


def test_a_program_that_is_not_in_a_container_that_runs_says_so() -> None:
    assert "not running" in probe(Check(command=["true"]))


def dripping(beginning: bytes) -> Answer:
    """A byte now and then, for ever: each read of it ends in time."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(beginning)
        while True:
            time.sleep(0.05)
            connection.sendall(b"x")

    return answer


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"HTT", id="the status"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: ", id="a header"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n\r\n", id="after an interim answer"),
    ],
)
def test_an_answer_that_drips_is_given_up_in_time(beginning: bytes) -> None:
    began = time.monotonic()
    with serving(dripping(beginning)) as port:
        assert probe(Check(http=HttpCheck(port=port), timeout="400ms")) == "no answer in time"
    assert time.monotonic() - began < 3


def test_a_body_is_not_waited_for() -> None:
    with serving(dripping(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        assert probe(Check(http=HttpCheck(port=port), timeout="20s")) == ""


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "", id="after an interim answer"),
        pytest.param(b"HTTP/1.0 500\r\n\r\n", "HTTP status 500", id="without words"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", "the answer is not HTTP", id="another protocol"),
        pytest.param(b"", "it closed the connection without an answer", id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000, "the answer's headers have more than 256 KiB",
                     id="headers without end"),
    ],
)  # fmt: skip
def test_what_is_said_instead(said: bytes, failure: str) -> None:
    with serving(saying(said)) as port:
        assert probe(Check(http=HttpCheck(port=port))) == failure
