"""A manifest around any field of any kind, taken from the schemas themselves: for tests that try values in each."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from taskyard.kinds import KINDS, Kind
from taskyard.manifest.misplaced import fields

FIELDS = [(kind, *field) for kind in KINDS for field in fields(kind) if not field[0].startswith("spec.template.spec")]
"""A template's spec is the Task's."""


def around(kind: Kind, place: str, name: str, value: Any) -> dict[str, Any]:
    """A manifest that is right but for what is put at one place of it."""
    manifest: dict[str, Any] = {"apiVersion": "taskyard/v1", "kind": kind, "metadata": {"name": "aa"}}
    manifest["spec"] = deepcopy(_SPECS.get(kind, {}))
    target: Any = manifest
    for step in place.split(".") if place else ():
        plain = KEYS[place] if step == "*" else step.removesuffix("[]")
        filled = _FILLED.get(place if step == "*" else step, {})
        target = target.setdefault(plain, [dict(filled)] if step.endswith("[]") else dict(filled))
        target = target[0] if isinstance(target, list) else target
    if re.fullmatch(r"spec\.(sidecars\[\]\.)?checks\.[a-z]+", place) and (
        name in ("http", "tcp") or (name, value) == ("command", [])
    ):
        target.pop("command")
        target["tcp"] = {"port": 1}
        if name == "http":
            target.pop("tcp")
    if re.fullmatch(r"spec\.(sidecars\[\]\.)?checks\.[a-z]+\.[a-z]+", place):
        owner = manifest["spec"]["sidecars"][0] if "sidecars" in place else manifest["spec"]
        owner["checks"][place.split(".")[-2]].pop("command")
    target[name] = value
    if place == "spec.metrics[]":
        target.setdefault("port", 1)
    if place == "spec.autoscale.metrics[]":
        target.setdefault("target", 1)
    if (place, name) == ("spec.autoscale", "metrics") or place == "spec.autoscale.metrics[]":
        targets = manifest["spec"]["autoscale"]["metrics"]
        named = [each["name"] for each in targets if isinstance(each, dict)] if isinstance(targets, list) else []
        manifest["spec"]["template"]["spec"]["metrics"] = [{"name": each, "port": 1} for each in named]
    if (place, name) == ("spec.limits", "swap"):
        target["memory"] = "512Mi"
    if (place, name) == ("spec.ports[]", "address"):
        target["host"] = "auto"
    if place == "spec.envFrom.*":
        if name in ("secret", "config") and value:
            target |= {"field": "", "key": "a"}
        if (name == "key" and value) or (name == "field" and not value):
            target |= {"field": "", "secret": "a", "key": "a"} | {name: value}
        manifest["spec"]["ports"] = [{"container": 80, "host": "auto", "name": "http"}]
    if (place, name) == ("spec.process.ulimits.*", "soft"):
        target.pop("hard", None)
    if ((place, name) == ("spec.volumes[]", "name") and value == "") or (place, name) == ("spec.volumes[]", "size"):
        target["type"] = "tmpfs"
        target.pop("name", None)
    if place == "spec.volumes[]" and name in ("type", "path") and value not in ("volume", ""):
        target.pop("name")
        target |= {"type": "host", "path": "/srv"} | {name: value} if value != "tmpfs" else {}
    if place == "spec.volumes[]" and name in ("mode", "owner", "onChange"):
        target["type"] = "secret"
    if place == "spec.constraints[]" and (value == "in" or (name == "values" and value)):
        target |= {"operator": "in", "values": ["a"]} | {name: value}
    if place.endswith("tolerations[]") and (name, value) == ("key", ""):
        target["operator"] = "Exists"
    return manifest


KEYS = {"spec.envFrom.*": "A", "spec.process.ulimits.*": "nofile"}
"""A key for each mapping whose keys are the user's."""
_SPECS: dict[str, dict[str, Any]] = {
    "Task": {"image": "a"},
    "Service": {"template": {"spec": {"image": "a", "resources": {"cpu": 1, "memory": "64Mi"}}}},
    "Cron": {"schedule": "@daily", "template": {"spec": {"template": {"spec": {"image": "a"}}}}},
    "Job": {"template": {"spec": {"image": "a"}}, "completions": 10, "parallelism": 10},
    "Secret": {"data": {}},
    "Config": {"data": {}},
    "Volume": {"node": "n1"},
}
_FILLED: dict[str, dict[str, Any]] = {
    "drain": {"deadline": "2026-12-01T18:00:00Z"},
    "maintenance": {"until": "2026-12-01T18:00:00Z"},
    "ports[]": {"container": 1},
    "volumes[]": {"name": "data", "target": "/d"},
    "healthCheck": {"command": ["a"]},
    "postStart": {"command": ["a"]},
    "preStop": {"command": ["a"]},
    "startup": {"command": ["a"]},
    "liveness": {"command": ["a"]},
    "readiness": {"command": ["a"]},
    "http": {"port": 1},
    "tcp": {"port": 1},
    "binding": {"node": "n", "epoch": 1, "specHash": "x"},
    "taints[]": {"key": "a"},
    "spec.process.ulimits.*": {"soft": 1},
    "spec.envFrom.*": {"field": "node"},
    "owner": {"kind": "Service", "name": "a", "uid": "0f3a9c51d2b7"},
    "constraints[]": {"key": "a"},
    "tolerations[]": {"key": "a"},
    "spread[]": {"topologyKey": "a"},
    "autoscale": {"max": 10, "memory": 60},
    "metrics[]": {"name": "a"},
    "gang": {"name": "a", "size": 2},
    "dependsOn[]": {"name": "a"},
    "init[]": {"name": "a"},
    "sidecars[]": {"name": "a"},
}
