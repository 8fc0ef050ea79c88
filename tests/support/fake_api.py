"""A small REST facade over a dict, for tests of the client and the command line: real HTTP, real streams, no cluster.

It speaks the same answers as controlplane/api, and breaks in the ways that a client must survive: streams cut, the
server gone and back on the same port, history compacted, requests refused.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

Json = dict[str, Any]


class FakeApi:
    """`with FakeApi() as api:` serves at `api.url`. Everything under `api.lock`."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.revision = 100
        self.tasks: dict[tuple[str, str], Json] = {}
        self.nodes: dict[str, Json] = {}
        self.events: list[Json] = []
        self.stats: Json = {"nodes": [], "tasks": []}
        self.history: list[tuple[int, str, Json]] = []
        self.compacted = 0
        """Watches from before this revision get 410."""
        self.holds_deletions = False
        self.deletions: list[str] = []
        """A deleted task stays Stopping until `remove`."""
        self.starts: Callable[[Json], None] = lambda _task: None
        """Called with each task that an apply wrote, before it is answered."""
        self.refusals: list[tuple[int, str]] = []
        """Status and detail with which the next requests are refused; each with `violations`."""
        self.violations: list[Json] = []
        self.requests: list[str] = []
        """`GET /tasks?namespace=default`, in order."""
        self.logs: list[bytes] = []
        self.watches = 0
        """How many were opened."""
        self._cut = 0
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """On the port that it had before, if it had one."""
        from tests.support.fake_api_routes import create_app

        app = create_app(self)
        self._server = make_server("127.0.0.1", self.port, app, server_class=_Server, handler_class=_Quiet)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        """Refuses connections from now on, and cuts every stream."""
        assert self._server is not None
        assert self._thread is not None
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.cut_streams()

    def __enter__(self) -> FakeApi:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def cut_streams(self) -> None:
        with self.changed:
            self._cut += 1
            self.changed.notify_all()

    def when_watched(self, act: Callable[[], object]) -> threading.Thread:
        """Acts in a thread once another watch has been opened; join it."""
        before = self.watches

        def wait() -> None:
            with self.changed:
                assert self.changed.wait_for(lambda: self.watches > before, timeout=20)
            act()

        thread = threading.Thread(target=wait)
        thread.start()
        return thread

    def put(self, name: str, state: str = "Running", namespace: str = "default", **more: Any) -> Json:
        """Creates the task or changes its status; `spec`, `labels` and fields of the status may be given."""
        with self.changed:
            self.revision += 1
            existing = self.tasks.get((namespace, name))
            task = copy.deepcopy(existing) if existing else _new_task(name, namespace, self.revision)
            task["spec"].update(more.pop("spec", {}))
            task["metadata"].update({"labels": more.pop("labels")} if "labels" in more else {})
            task["metadata"]["revision"] = self.revision
            status = {"node": "n1", "epoch": 1, **task.get("status", {}), **more}
            task["status"] = {**status, "state": state}
            self.tasks[namespace, name] = task
            self._record("MODIFIED" if existing else "ADDED", task)
            return task

    def put_node(self, name: str, *, ready: bool = True, **spec: Any) -> Json:
        """Creates the node or changes it."""
        with self.changed:
            self.revision += 1
            existed = name in self.nodes
            node = {"kind": "Node", "metadata": {"name": name}, "spec": spec, "status": {"ready": ready}}
            self.nodes[name] = node
            self._record("MODIFIED" if existed else "ADDED", node)
            return node

    def remove(self, name: str, namespace: str = "default") -> None:
        with self.changed:
            self.revision += 1
            self._record("DELETED", self.tasks.pop((namespace, name)))

    def _record(self, change: str, value: Json) -> None:
        self.history.append((self.revision, change, copy.deepcopy(value)))
        self.changed.notify_all()

    def watch(self, since: int, wanted: Callable[[Json], bool]) -> Iterator[bytes]:
        cut, seen = self._cut, since
        with self.changed:
            self.watches += 1
            self.changed.notify_all()
        yield _line("BOOKMARK", seen, None)
        while True:
            with self.changed:
                while self._cut == cut and self.revision <= seen:
                    self.changed.wait(timeout=30)
                if self._cut != cut:
                    return
                news = [entry for entry in self.history if entry[0] > seen]
                seen = self.revision
            for revision, change, value in news:
                if wanted(value):
                    yield _line(change, revision, value)


def _line(change: str, revision: int, value: Json | None) -> bytes:
    shown = {"object": value} if value is not None else {}
    return json.dumps({"type": change, "revision": revision, **shown}).encode() + b"\n"


def _new_task(name: str, namespace: str, revision: int) -> Json:
    return {
        "apiVersion": "taskyard/v1",
        "kind": "Task",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"{revision:012x}",
            "generation": 1,
            "createdAt": "2026-01-31T12:00:00Z",
        },
        "spec": {"image": "busybox:1.35"},
    }


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass
