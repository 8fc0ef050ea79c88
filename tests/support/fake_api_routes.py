"""The routes of the fake REST facade (tests/support/fake_api.py), on Falcon's WSGI side."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import falcon

from tests.support.fake_api import FakeApi, Json


class Refused(Exception):
    def __init__(self, status: int, detail: str, **more: Any) -> None:
        self.status = status
        self.body = {"type": "about:blank", "title": "No", "status": status, "detail": detail, **more}


def create_app(api: FakeApi) -> falcon.App[falcon.Request, falcon.Response]:
    app = falcon.App(middleware=[_Before(api)])
    app.req_options.auto_parse_qs_csv = False
    app.add_error_handler(Refused, lambda _req, resp, error, _params: _refuse(resp, error))
    for path, resource in (
        ("/tasks", Tasks(api)),
        ("/tasks/{name}", OneTask(api)),
        ("/tasks/{name}/logs", Logs(api)),
        ("/apply", Apply(api)),
        ("/delete", Deletions(api)),
        ("/nodes", Nodes(api)),
        ("/nodes/{name}", OneNode(api)),
        ("/events", Events(api)),
        ("/stats", Stats(api)),
        ("/version", Version(api)),
    ):
        app.add_route(path, resource)
    return app


def _refuse(resp: falcon.Response, error: Refused) -> None:
    resp.status = error.status
    resp.data = json.dumps(error.body).encode()
    resp.content_type = "application/problem+json"


def _answer(resp: falcon.Response, value: Any, status: int = 200) -> None:
    resp.status = status
    resp.content_type = "application/json"
    resp.data = json.dumps(value).encode()


def _list(kind: str, revision: int, items: list[Json]) -> Json:
    return {"apiVersion": "taskyard/v1", "kind": kind, "metadata": {"revision": revision}, "items": items}


class _Before:
    def __init__(self, api: FakeApi) -> None:
        self.api = api

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        self.api.requests.append(f"{req.method} {req.relative_uri}")
        if self.api.refusals:
            raise Refused(*self.api.refusals.pop(0), violations=self.api.violations)


class Resource:
    def __init__(self, api: FakeApi) -> None:
        self.api = api

    def task(self, req: falcon.Request, name: str) -> Json:
        namespace = req.get_param("namespace") or "default"
        task = self.api.tasks.get((namespace, name))
        if task is None:
            raise Refused(404, f"there is no task {namespace}/{name}")
        return task

    def watch(self, req: falcon.Request, resp: falcon.Response, wanted: Callable[[Json], bool]) -> None:
        since = int(req.get_param("revision") or 0)
        if since < self.api.compacted:
            raise Refused(410, f"revision {since} is not remembered any more")
        resp.content_type = "application/x-ndjson"
        resp.stream = self.api.watch(since, wanted)


class Tasks(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        namespace = req.get_param("namespace") or ""
        label, _, value = (req.get_param("labelSelector") or "").partition("=")

        def wanted(task: Json) -> bool:
            if task.get("kind") == "Node":
                return False
            metadata = task["metadata"]
            in_namespace = not namespace or metadata["namespace"] == namespace
            return in_namespace and (not label or metadata.get("labels", {}).get(label) == value)

        if req.get_param("watch"):
            self.watch(req, resp, wanted)
            return
        with self.api.changed:
            items = [task for _, task in sorted(self.api.tasks.items()) if wanted(task)]
            _answer(resp, _list("TaskList", self.api.revision, items))


class OneTask(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        _answer(resp, self.task(req, name))


class Deletions(Resource):
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        force = bool(req.get_param("force"))
        named = json.loads(req.bounded_stream.read())["objects"]
        self.api.deletions += [one["name"] for one in named]
        _answer(resp, {"results": [self._one(one, force=force) for one in named], "revision": self.api.revision})

    def _one(self, named: Json, *, force: bool) -> Json:
        namespace, name = named["namespace"], named["name"]
        task = self.api.tasks.get((namespace, name))
        if task is None:
            return _refused(named, 404, f"there is no task {namespace}/{name}")
        metadata = task["metadata"]
        if metadata.get("source") and not force:
            return _refused(named, 409, f"task/{name} is declared by {metadata['source']}")
        result = {**named, "uid": metadata["uid"], "result": "deleting"}
        if self.api.holds_deletions:
            self.api.put(name, "Stopping", namespace, reason="Deleted")
        else:
            self.api.remove(name, namespace)
        return result


def _refused(named: Json, status: int, detail: str) -> Json:
    return {**named, "result": "refused", "problem": {"status": status, "title": "No", "detail": detail}}


class Logs(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        state = self.task(req, name)["status"]["state"]
        if state == "Pending":
            raise Refused(409, f"task/{name} has no container yet, it is {state}")
        resp.content_type = "text/plain"
        resp.stream = iter(self.api.logs)


class Apply(Resource):
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        with self.api.changed:
            documents = json.loads(req.bounded_stream.read())["documents"]
            results = [self._one(document["object"], bool(req.get_param("dryRun"))) for document in documents]
            _answer(resp, {"results": results, "revision": self.api.revision})

    def _one(self, wanted: Json, dry_run: bool) -> Json:
        name, namespace = wanted["metadata"]["name"], wanted["metadata"].get("namespace") or "default"
        existing = self.api.tasks.get((namespace, name))
        old = existing["spec"] if existing else {}
        changes = [
            {"path": f"spec.{field}", "old": old.get(field), "new": wanted["spec"].get(field)}
            for field in sorted({*old, *wanted["spec"]})
            if old.get(field) != wanted["spec"].get(field)
        ]
        result = "created" if existing is None else "configured" if changes else "unchanged"
        shown = existing or wanted
        if not dry_run and result != "unchanged":
            state = existing["status"]["state"] if existing else "Pending"
            shown = self.api.put(name, state, namespace, spec=wanted["spec"], **({} if existing else {"epoch": 0}))
            self.api.starts(shown)
        return {
            "kind": "Task",
            "namespace": namespace,
            "name": name,
            "result": result,
            "changes": changes,
            "object": shown,
        }


class Nodes(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        if req.get_param("watch"):
            self.watch(req, resp, lambda value: value["kind"] == "Node")
            return
        label, _, value = (req.get_param("labelSelector") or "").partition("=")
        found = [
            one for one in self.api.nodes.values() if not label or one["status"].get("labels", {}).get(label) == value
        ]
        _answer(resp, _list("NodeList", self.api.revision, found))


class OneNode(Resource):
    def node(self, name: str) -> Json:
        if name not in self.api.nodes:
            raise Refused(404, f"there is no node {name}")
        return self.api.nodes[name]

    def on_get(self, _req: falcon.Request, resp: falcon.Response, name: str) -> None:
        _answer(resp, self.node(name))

    def on_delete(self, _req: falcon.Request, resp: falcon.Response, name: str) -> None:
        if self.node(name)["status"]["ready"]:
            raise Refused(409, f"the agent of node/{name} runs: stop it first")
        del self.api.nodes[name]
        resp.status = falcon.HTTP_204

    def on_patch(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        node = self.node(name)
        patch = json.loads(req.bounded_stream.read())["spec"]
        for key, value in patch.pop("labels", {}).items():
            node["spec"].setdefault("labels", {})[key] = value
            if value is None:
                del node["spec"]["labels"][key]
        node["spec"].update(patch)
        _answer(resp, node)


class Events(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        kind, name = req.get_param("kind"), req.get_param("name")
        found = [
            event
            for event in self.api.events
            if kind in (None, event["about"]["kind"]) and name in (None, event["about"]["name"])
        ]
        _answer(resp, _list("EventList", self.api.revision, found))


class Stats(Resource):
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        _answer(resp, self.api.stats)


class Version(Resource):
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        _answer(resp, {"version": "0.1.0"})
