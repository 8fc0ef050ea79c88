"""from_flat: the seed's bodies of `POST /tasks` as Task manifests.

Two forms: the flat one (memory in MiB, disk in GiB, cpu in cores) and the event form, in which a task with capitalised
names sits under `Task`. Ports are in flat_ports. Called by the REST facade alone.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from taskyard.manifest.check import validate
from taskyard.manifest.flat_ports import ports_of
from taskyard.manifest.problem import ManifestError, Path, Problem, path_text, shown
from taskyard.manifest.spelling import policy_for
from taskyard.objects import API_VERSION
from taskyard.quantity import format_bytes

CLIENT_ID = "taskyard/client-id"
"""The annotation that keeps the id which the seed's clients choose themselves."""

_MEBIBYTE, _GIBIBYTE = 2**20, 2**30
_FIELDS = {
    "name": "name",
    "namespace": "namespace",
    "image": "image",
    "memory": "memory",
    "disk": "disk",
    "cpu": "cpu",
    "exposedports": "exposedPorts",
    "portbindings": "portBindings",
    "restartpolicy": "restartPolicy",
    "env": "env",
    "cmd": "cmd",
    "labels": "labels",
    "id": "id",
    "state": "state",
    "healthcheck": "healthCheck",
}
_SERVERS = frozenset(("containerid", "starttime", "finishtime", "timestamp", "hostports", "restartcount"))
"""What the seed answers with and its clients may send back; the server knows better."""
_ASKS_TO_STOP = (3, "Completed", "completed")


def from_flat(body: dict[str, Any]) -> dict[str, Any]:
    """A valid Task manifest. ManifestError names the body's own fields, each problem once."""
    prefix: Path = ()
    event = {_word(key): key for key in body}
    reader = _Reader()
    if "task" in event:
        reader.check_event(body, event)
        prefix = (event["task"],)
        body = body[prefix[0]]
    if not isinstance(body, dict):
        raise ManifestError([Problem(path_text(prefix), f"a task is a mapping, not {shown(body)}", _EXAMPLE)])
    manifest = reader.manifest(body, prefix)
    found = {problem.path: problem for problem in reader.problems}
    for problem in validate(manifest):
        path = reader.path_in_body(problem.path)
        found.setdefault(path, Problem(path, problem.message, _HINTS.get(problem.path, problem.hint)))
    if found:
        raise ManifestError(list(found.values()))
    return manifest


_HINTS = {
    "spec.resources.memory": "write a number of MiB, such as 512",
    "spec.resources.disk": "write a number of GiB, such as 1",
    "spec.resources.cpu": "write a number of cores, such as 0.5",
}
_EXAMPLE = 'send {"name": "web-server", "image": "nginx:latest", "memory": 512, "cpu": 1.0, "disk": 1}'


class _Reader:
    """Reads one body; notes what is wrong and from which field each part of the manifest came."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._origin: dict[str, str] = {}

    def check_event(self, body: dict[str, Any], keys: dict[str, str]) -> None:
        """The event around the task: ID, State and Timestamp say nothing that is used."""
        for word, key in keys.items():
            if word not in ("task", "id", "state", "timestamp"):
                self._note((key,), f"there is no field {shown(key)} in a task event", "write it under Task")
        self._refuse_stop(body.get(keys.get("state", "")), (keys.get("state", ""),))

    def manifest(self, body: dict[str, Any], prefix: Path) -> dict[str, Any]:
        """What could be made of the body, right or wrong; problems are noted."""
        fields: dict[str, Any] = {}
        paths: dict[str, Path] = {}
        for key, value in body.items():
            name = _FIELDS.get(_word(key))
            path = (*prefix, key)
            if name is None:
                if _word(key) not in _SERVERS:
                    self._note(path, f"there is no field {shown(key)} in a flat task", _near(key))
            elif name in fields:
                self._note(path, f"{shown(key)} is given twice", f"keep one of {key} and {paths[name][-1]}")
            elif value is not None and (value != "" or name == "image"):
                fields[name], paths[name] = value, path
        self._refuse_stop(fields.get("state"), paths.get("state", ()))
        if "healthCheck" in fields:
            hint = "send a manifest with spec.healthCheck: {command: [...]}"
            self._note(paths["healthCheck"], "health checks over HTTP are not done", hint)
        self._origin = {
            target: path_text(paths[name]) for name, target in _TARGETS.items() if name in paths
        } | {"metadata.name": path_text(paths.get("name", (*prefix, "name" if not prefix else "Name")))}  # fmt: skip
        return self._build(fields, paths, prefix)

    def path_in_body(self, path: str) -> str:
        """The body's field that a path of the manifest came from."""
        for target in sorted(self._origin, key=len, reverse=True):
            if path == target or path.startswith((f"{target}.", f"{target}[")):
                return self._origin[target] + (path[len(target) :] if target in _SAME_SHAPE else "")
        return path

    def _build(self, fields: dict[str, Any], paths: dict[str, Path], prefix: Path) -> dict[str, Any]:
        metadata: dict[str, Any] = {key: fields[key] for key in ("name", "namespace", "labels") if key in fields}
        if isinstance(fields.get("id"), str):
            metadata["annotations"] = {CLIENT_ID: fields["id"]}
            metadata.setdefault("name", fields["id"].lower())
        spec: dict[str, Any] = {"image": fields["image"]} if "image" in fields else {}
        if "image" not in spec:
            self._origin["spec.image"] = path_text((*prefix, "Image" if prefix else "image"))
        if "cmd" in fields:
            spec["args"] = fields["cmd"]
        if "env" in fields:
            spec["env"] = _environment(fields["env"])
        ports, problems = ports_of(fields, paths)
        self.problems += problems
        if ports:
            spec["ports"] = ports
        resources = self._resources(fields, paths)
        if resources:
            spec["resources"] = resources
        if "restartPolicy" in fields:
            self._restart(spec, fields["restartPolicy"], paths["restartPolicy"])
        return {"apiVersion": API_VERSION, "kind": "Task", "metadata": metadata, "spec": spec}

    def _resources(self, fields: dict[str, Any], paths: dict[str, Path]) -> dict[str, Any]:
        """0 is what the seed's clients send for a limit that they do not set."""
        found: dict[str, Any] = {}
        for name, unit, word in (("memory", _MEBIBYTE, "MiB"), ("disk", _GIBIBYTE, "GiB"), ("cpu", 0, "cores")):
            value = fields.get(name)
            if value is None or (value == 0 and not isinstance(value, bool)):
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                if not isinstance(value, str) or value.strip().replace(".", "", 1).isdecimal():
                    self._note(paths[name], f"{shown(value)} is not a number of {word}", f"write {_number(value)}")
                else:
                    found[name] = value
            elif value < 0:
                self._note(paths[name], f"{shown(value)} is less than 0", f"write a number of {word}, or leave it out")
            else:
                found[name] = format_bytes(int(value * unit)) if unit else value
        return found

    def _restart(self, spec: dict[str, Any], value: Any, path: Path) -> None:
        name, _, limit = str(value).partition(":")
        if isinstance(value, dict):
            words = {_word(key): item for key, item in value.items()}
            name, limit = str(words.get("name", "")), str(words.get("maximumretrycount") or "")
            if not name:
                return
        policy = policy_for(name)
        if not policy or (limit and not limit.isdecimal()):
            self._note(path, f"{shown(value)} is not a restart policy", "write always, on-failure or no")
            return
        spec["restart"] = {"policy": policy} | ({"maxRestarts": int(limit)} if limit else {})

    def _refuse_stop(self, state: Any, path: Path) -> None:
        if state in _ASKS_TO_STOP and not isinstance(state, bool):
            self._note(path, "an event does not stop a task here", "send DELETE /tasks/NAME")

    def _note(self, path: Path, message: str, hint: str) -> None:
        self.problems.append(Problem(path_text(path), message, hint))


_TARGETS = {
    "namespace": "metadata.namespace",
    "labels": "metadata.labels",
    "id": "metadata.annotations",
    "image": "spec.image",
    "memory": "spec.resources.memory",
    "disk": "spec.resources.disk",
    "cpu": "spec.resources.cpu",
    "env": "spec.env",
    "cmd": "spec.args",
    "exposedPorts": "spec.ports",
    "restartPolicy": "spec.restart",
}
_SAME_SHAPE = frozenset(("metadata.labels", "spec.env", "spec.args"))


def _environment(value: Any) -> Any:
    """Docker's list of `NAME=value`, as a mapping; anything else as it is, for the schema to judge."""
    if isinstance(value, list) and all(isinstance(item, str) and "=" in item for item in value):
        return dict(item.split("=", 1) for item in value)
    return value


def _number(value: Any) -> str:
    return str(value).strip() if isinstance(value, str) else "a number"


def _near(key: str) -> str:
    near = get_close_matches(_word(key), list(_FIELDS), 1)
    if near:
        return f"did you mean {_FIELDS[near[0]]}?"
    known = ", ".join(name for name in _FIELDS.values() if name not in ("id", "state", "healthCheck"))
    return f"the fields are {known}; for more, send a manifest"


def _word(key: str) -> str:
    return re.sub("[^a-z0-9]", "", key.casefold())
