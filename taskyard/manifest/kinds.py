"""What kind of manifest this is, or was meant to be: apiVersion and kind, with the other systems' in mind.

Called by explain first, because the kind decides which schema the rest is held against.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from taskyard.kinds import KINDS, Kind
from taskyard.manifest.lists import LISTS
from taskyard.manifest.problem import shown
from taskyard.manifest.wording import Finding
from taskyard.objects import API_VERSION

_ELSEWHERE = {
    "Pod": "write kind: Task, with the container's fields directly under spec",
    "Deployment": "write kind: Service, with the container's fields under spec.template.spec",
    "StatefulSet": "write kind: Service: its tasks have numbers that stay; what each is goes under spec.template",
    "DaemonSet": "write kind: Service with mode: per-node",
    "ReplicaSet": "write kind: Service, with the container's fields under spec.template.spec",
    "CronJob": "write kind: Cron, with the spec of the job under spec.template.spec",
    **dict.fromkeys(LISTS, "send a list to /apply, or put each of its items into a document of its own"),
    "EventList": "events are not applied",
    "Plan": "a plan is applied without -f: taskyard apply FILE",
    "ConfigMap": "write kind: Config, with the values under spec.data",
}


def explain_kind(data: Any) -> tuple[Kind | None, list[Finding]]:
    """The kind to hold the rest against (None: there is no use in that), and what is wrong with apiVersion and kind."""
    if not isinstance(data, dict):
        hint = "write apiVersion, kind, metadata and spec"
        if isinstance(data, list):
            hint = "separate manifests with ---, instead of putting them in a list"
        return None, [Finding((), f"a manifest is a mapping, not {shown(data)}", hint)]
    kind, found = _kind(data)
    if kind is not None or not found:
        found += _api_version(data)
    return kind, found


def _kind(data: dict[str, Any]) -> tuple[Kind | None, list[Finding]]:
    if "kind" not in data:
        if isinstance(data.get("services"), dict):
            hint = "write one manifest of kind: Service for each, separated by ---"
            return None, [Finding(("services",), "this is a compose file, not a manifest", hint, about_key=True)]
        return "Task", [Finding(("kind",), "kind is missing", "add kind: Task", missing=True)]
    kind = data["kind"]
    known = next((known for known in KINDS if known == kind), None)
    if known is not None:
        return known, []
    message = f"{shown(kind)} is not a kind; kinds are {', '.join(KINDS)}"
    if not isinstance(kind, str):
        return "Task", [Finding(("kind",), message, "write kind: Task")]
    if kind in _ELSEWHERE:
        return None, [Finding(("kind",), message, _ELSEWHERE[kind])]
    near = get_close_matches(kind.casefold(), [known.casefold() for known in KINDS], 1)
    if near:
        meant = next(known for known in KINDS if known.casefold() == near[0])
        return meant, [Finding(("kind",), message, f"write kind: {meant}")]
    return None, [Finding(("kind",), message, "write kind: Task")]


def _api_version(data: dict[str, Any]) -> list[Finding]:
    path = ("apiVersion",)
    if "apiVersion" not in data:
        return [Finding(path, "apiVersion is missing", f"add apiVersion: {API_VERSION}", missing=True)]
    version = data["apiVersion"]
    if version == API_VERSION:
        return []
    return [Finding(path, f"{shown(version)} is not a version of Taskyard's manifests", f"write {API_VERSION}")]
