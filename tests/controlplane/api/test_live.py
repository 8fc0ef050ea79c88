"""The control plane as users run it: a process, uvicorn, a real etcd; nothing of it simulated."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.api.bench import SEED_BODY, manifest
from tests.support.etcd_server import EtcdServer
from tests.support.waiting import until

pytestmark = pytest.mark.etcd


class Process:
    """`python -m controlplane` on a free port."""

    def __init__(self, etcd: EtcdServer, folder: Path, *flags: str) -> None:
        self.log = folder / "controlplane.log"
        with self.log.open("wb") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "controlplane", "--etcd", etcd.endpoint, "--port", "0", *flags],
                stderr=log,
                stdout=log,
            )
        self.port = int(until(lambda: re.search(r"http://127\.0\.0\.1:(\d+)", self.log.read_text()))[1])

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any, dict[str, str]]:
        """Status, parsed body, headers in lower case."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        raw = None if body is None else json.dumps(body)
        connection.request(method, path, raw, {"Content-Type": "application/json"} if raw else {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        parsed = json.loads(text) if "json" in answer.headers.get("Content-Type", "") else text.decode()
        return answer.status, parsed, {name.lower(): value for name, value in answer.headers.items()}

    def ready(self) -> bool:
        return self.call("GET", "/readyz")[0] == 200

    def watch(self, query: str) -> Iterator[dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", f"/tasks?watch=1&{query}")
        answer = connection.getresponse()
        assert answer.status == 200
        try:
            while line := answer.readline():
                yield json.loads(line)
        finally:
            connection.close()

    def stop(self) -> int:
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(15)


@pytest.fixture
def plane(etcd: EtcdServer, tmp_path: Path) -> Iterator[Process]:
    process = Process(etcd, tmp_path)
    try:
        until(process.ready)
        yield process
    finally:
        if process.child.poll() is None:
            process.child.kill()
            process.child.wait()


def test_the_seeds_calls_and_a_read_after_each_write(plane: Process) -> None:
    status, made, headers = plane.call("POST", "/tasks", SEED_BODY)
    assert (status, headers["location"]) == (201, "/tasks/web-server")
    assert plane.call("GET", "/tasks/web-server")[1]["metadata"] == made["metadata"]
    assert [task["metadata"]["name"] for task in plane.call("GET", "/tasks")[1]["items"]] == ["web-server"]
    assert plane.call("DELETE", f"/tasks/{made['metadata']['uid']}")[0] == 200
    assert plane.call("GET", "/tasks/web-server")[0] == 404


def test_a_watch_resumes_on_a_real_etcd(plane: Process) -> None:
    start = plane.call("GET", "/tasks")[1]["metadata"]["revision"]
    plane.call("POST", "/apply", {"documents": [{"object": manifest(f"t{number}")} for number in range(3)]})
    lines = plane.watch(f"revision={start}")
    first = next(lines)
    lines.close()
    resumed = plane.watch(f"revision={first['revision']}")
    seen: set[str] = set()
    for line in resumed:
        seen.add(line["object"]["metadata"]["name"])
        if {"t1", "t2"} <= seen:
            break
    resumed.close()
    assert first["object"]["metadata"]["name"] == "t0"


def test_concurrent_writers_lose_nothing(plane: Process) -> None:
    """Each adds its own labels to one node by patches without If-Match; all of them are there in the end."""

    def patch(worker: int) -> None:
        labels = [f"w{worker}-{number}" for number in range(5)]
        statuses.extend(plane.call("PATCH", "/nodes/n1", {"labels": {label: "x"}})[0] for label in labels)

    statuses: list[int] = []
    workers = [threading.Thread(target=patch, args=(worker,)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    labels = plane.call("GET", "/nodes/n1?consistent=1")[1]["spec"]["labels"]
    assert statuses.count(409) + len(labels) == 20
    assert len(labels) >= 18


def test_sigterm_ends_watches_gives_up_leadership_and_leaves(plane: Process, etcd: EtcdServer) -> None:
    plane.call("POST", "/tasks", manifest())
    lines = plane.watch("")
    assert next(lines)["type"] == "ADDED"
    assert plane.stop() == 0
    assert [line["type"] for line in lines] == ["BOOKMARK"]
    left = subprocess.run(
        ["etcdctl", "--endpoints", etcd.endpoint, "get", "--prefix", "--keys-only", "/taskyard/v1/leader/"],
        env={"ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert left.stdout.strip() == ""


def test_a_taken_port_is_an_error_of_the_start(etcd: EtcdServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "controlplane", "--etcd", etcd.endpoint, "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_reads_outlive_etcd_and_writes_resume(etcd_server: EtcdServer, tmp_path: Path) -> None:
    process = Process(etcd_server, tmp_path)
    try:
        until(process.ready)
        process.call("POST", "/tasks", manifest())
        etcd_server.kill()
        status, _, headers = process.call("POST", "/tasks", manifest("api"))
        assert (status, "retry-after" in headers) == (503, True)
        status, listed, headers = process.call("GET", "/tasks")
        assert (status, len(listed["items"]), "warning" in headers) == (200, 1, True)
        etcd_server.start()
        etcd_server.wait_healthy()
        until(lambda: process.call("POST", "/tasks", manifest("api"))[0] in (201, 409), 30)
        assert process.call("GET", "/tasks/api")[0] == 200
    finally:
        assert process.stop() == 0
