"""Calls to an engine on a Unix socket and on TCP: what is sent, what is raised, and that connections are kept."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest
from docker.errors import APIError

from nodeagent.runtime.docker_calls import DockerCalls
from nodeagent.runtime.docker_errors import explanation, is_status
from nodeagent.runtime.docker_ping import Greeting, ping
from nodeagent.runtime.port import RuntimeUnavailable


class Handler(BaseHTTPRequestHandler):
    """Answers by the path; notes what was asked."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str, bytes]]]
    connections: ClassVar[list[object]]
    silent: threading.Event
    ended: threading.Event
    """A connection has been closed."""
    headings: ClassVar[dict[str, str]] = {}
    server_version = ""

    def version_string(self) -> str:
        return self.server_version

    def setup(self) -> None:
        super().setup()
        self.connections.append(self)

    def finish(self) -> None:
        super().finish()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.ended.set()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append((self.command, self.path, body))
        if "silent" in self.path:
            self.silent.wait(10)
            self.close_connection = True
            return
        if "garbled" in self.path:
            self.wfile.write(b"Good day\r\n\r\n")
            return
        self.close_connection = "last" in self.path or "broken-off" in self.path
        refused = "refused" in self.path
        text = b'{"message": "no such container"}' if refused else b'{"Id": "a1"}'
        self.send_response(404 if refused else 201)
        self.send_header("Content-Length", str(len(text) + ("broken-off" in self.path)))
        for name, value in self.headings.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def engine(kind: str, folder: Path) -> Iterator[tuple[str, type[Handler]]]:
    class Own(Handler):
        seen: ClassVar[list[tuple[str, str, bytes]]] = []
        connections: ClassVar[list[object]] = []
        silent = threading.Event()
        ended = threading.Event()

    server: socketserver.TCPServer
    if kind == "unix":
        server = socketserver.ThreadingUnixStreamServer(str(folder / "e.sock"), Own)
        host = f"unix://{folder}/e.sock"
    else:
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Own)
        host = f"tcp://127.0.0.1:{server.server_address[1]}"
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield host, Own
    finally:
        Own.silent.set()
        server.shutdown()
        server.socket.close()
        thread.join()


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_calls_go_over_one_connection_that_is_kept(kind: str, tmp_path: Path) -> None:
    with engine(kind, tmp_path) as (host, asked):
        calls = DockerCalls(host, "1.41")
        made = calls.send("POST", "/containers/create", timeout=5, query={"name": "ty x"}, body=b'{"Image": "i"}')
        assert made == b'{"Id": "a1"}'
        calls.send("POST", "/containers/a1/start", timeout=5)
        calls.send("DELETE", "/containers/a1", timeout=5, query={"force": "true"})
        assert asked.seen == [
            ("POST", "/v1.41/containers/create?name=ty+x", b'{"Image": "i"}'),
            ("POST", "/v1.41/containers/a1/start", b""),
            ("DELETE", "/v1.41/containers/a1?force=true", b""),
        ]
        assert len(asked.connections) == 1
        calls.close()


def test_a_refusal_says_what_the_engine_said(tmp_path: Path) -> None:
    with engine("unix", tmp_path) as (host, _):
        calls = DockerCalls(host, "1.41")
        with pytest.raises(APIError) as raised:
            calls.send("GET", "/containers/refused/json", timeout=5)
        assert explanation(raised.value) == "no such container"
        assert is_status(raised.value, 404)
        calls.close()


def test_an_engine_that_hangs_is_given_up(tmp_path: Path) -> None:
    with engine("unix", tmp_path) as (host, asked):
        calls = DockerCalls(host, "1.41")
        with pytest.raises(TimeoutError):
            calls.send("POST", "/containers/silent/start", timeout=0.1)
        assert len(asked.seen) == 1, "a start may have worked: it is not sent twice"
        calls.close()


def test_no_engine_at_all(tmp_path: Path) -> None:
    calls = DockerCalls(f"unix://{tmp_path}/nothing.sock", "1.41")
    with pytest.raises(FileNotFoundError):
        calls.send("GET", "/containers/a/json", timeout=1)


def test_a_connection_that_the_engine_has_closed_is_not_used_again(tmp_path: Path) -> None:
    with engine("unix", tmp_path) as (host, asked):
        calls = DockerCalls(host, "1.41")
        for _ in range(2):
            calls.send("GET", "/containers/last/json", timeout=5)
            assert asked.ended.wait(5)
            asked.ended.clear()
        assert len(asked.connections) == 2
        calls.close()


@pytest.mark.parametrize("way", ["broken-off", "garbled"])
def test_half_an_answer_is_none(way: str, tmp_path: Path) -> None:
    with engine("unix", tmp_path) as (host, _):
        calls = DockerCalls(host, "1.41")
        with pytest.raises(ConnectionError):
            calls.send("GET", f"/containers/{way}/json", timeout=5)


@pytest.mark.parametrize(
    ("server", "api", "told"),
    [
        pytest.param("Docker/20.10.24+dfsg1 (linux)", "1.41", "docker 20.10.24+dfsg1", id="docker"),
        pytest.param("Libpod/4.3.1 (linux)", "1.41", "podman 4.3.1", id="podman"),
        pytest.param("", "1.24", "docker (API 1.24)", id="says no more than it must"),
    ],
)
def test_an_engine_says_what_it_is(tmp_path: Path, server: str, api: str, told: str) -> None:
    with engine("unix", tmp_path) as (host, asked):
        asked.headings, asked.server_version = {"Api-Version": api}, server
        assert ping(host, 5.0) == Greeting(told, api)
        assert [path for _, path, _ in asked.seen] == ["/_ping"]


def test_what_is_no_engine_is_told_apart(tmp_path: Path) -> None:
    with engine("unix", tmp_path) as (host, _), pytest.raises(RuntimeUnavailable, match="is no Docker Engine"):
        ping(host, 5.0)
