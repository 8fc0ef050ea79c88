"""HTTP and TCP against servers on loopback, which is where a container on the node's own network is asked."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from nodeagent.checks.prober import NetworkProber
from nodeagent.runtime.fake import FakeRuntime
from nodeagent.runtime.port import ContainerInfo, ContainerState
from taskyard.clock import ManualClock
from taskyard.objects import Check, HttpCheck, TcpCheck

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
    return NetworkProber(FakeRuntime(ManualClock())).probe(CONTAINER, check)


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
