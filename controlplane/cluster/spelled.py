"""Tasks and assignments in our own spelling, with the spec left as it is written: the quick way to read a value.

A value that reads back byte for byte says nothing twice and has nothing that we do not know. What the schema of a task
says of all but the spec is said here once more, and a property test keeps the two from disagreeing: where this says no,
or None, a value is read like anybody's. Pure.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import msgspec

from controlplane.cluster.rules import Labels
from taskyard.keys import ObjectKey
from taskyard.node_name import is_node_name
from taskyard.objects import Binding, Metadata
from taskyard.objects.base import Owner, Wire

_MOST = 64
"""Labels or annotations."""
_LONGEST_ANNOTATION, _LONGEST_SOURCE, _LONGEST_TEXT, _LONGEST_NAME, _LONGEST_UID = 65536, 300, 64, 63, 12
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_UID = re.compile(r"(?:[0-9a-f]{12})?", re.ASCII)
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_KEY = re.compile(r"(?:([a-z0-9.-]+)/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", re.ASCII)


class SpelledTask(Wire, frozen=True, kw_only=True):
    api_version: Literal["taskyard/v1"]
    kind: Literal["Task"]
    metadata: Metadata
    spec: msgspec.Raw
    binding: Binding | None = None


class SpelledAssignment(Wire, frozen=True, kw_only=True):
    uid: str
    namespace: str
    name: str
    epoch: int
    desired: Literal["Running", "Stopped"] = "Running"
    reason: str = ""
    grace_period: float | None = None
    spec_hash: str
    spec: msgspec.Raw
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    result_of: str = ""
    assigned_at: str = ""


_task = msgspec.json.Decoder(SpelledTask)
_assignment = msgspec.json.Decoder(SpelledAssignment)
_encode = msgspec.json.Encoder().encode


def spelled_task(raw: bytes) -> SpelledTask | None:
    try:
        task = _task.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return task if _encode(task) == raw else None


def spelled_assignment(raw: bytes) -> SpelledAssignment | None:
    try:
        assignment = _assignment.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return assignment if _encode(assignment) == raw else None


def accepted(task: SpelledTask, key: ObjectKey) -> bool:
    """By what the schema says of all but the spec, and under this key."""
    metadata, binding = task.metadata, task.binding
    return (
        metadata.name == key.name
        and metadata.namespace == key.namespace
        and _NAME.fullmatch(metadata.name) is not None
        and (metadata.namespace == "default" or _NAME.fullmatch(metadata.namespace) is not None)
        and _UID.fullmatch(metadata.uid) is not None
        and metadata.generation >= 0
        and len(metadata.created_at) <= _LONGEST_TEXT
        and len(metadata.deletion_timestamp) <= _LONGEST_TEXT
        and len(metadata.source) <= _LONGEST_SOURCE
        and (not metadata.labels or _labels(tuple(metadata.labels.items())))
        and (not metadata.annotations or _annotations(metadata.annotations))
        and (metadata.owner is None or _owner(metadata.owner))
        and _defaulted(metadata.defaulted)
        and (binding is None or _binding(binding))
    )


@lru_cache(maxsize=1024)
def _labels(labels: Labels) -> bool:
    return len(labels) <= _MOST and all(_key(key) and _VALUE.fullmatch(value) for key, value in labels)


def _annotations(annotations: dict[str, str]) -> bool:
    return len(annotations) <= _MOST and all(
        _key(key) and len(value) <= _LONGEST_ANNOTATION for key, value in annotations.items()
    )


@lru_cache(maxsize=1024)
def _key(text: str) -> bool:
    found = _KEY.fullmatch(text)
    return found is not None and (found[1] is None or is_node_name(found[1]))


def _owner(owner: Owner) -> bool:
    return len(owner.kind) <= _LONGEST_NAME and len(owner.name) <= _LONGEST_NAME and len(owner.uid) <= _LONGEST_UID


def _defaulted(names: list[str]) -> bool:
    return len(names) <= _MOST and all(len(name) <= _LONGEST_TEXT for name in names)


def _binding(binding: Binding) -> bool:
    return (
        binding.epoch >= 0
        and is_node_name(binding.node)
        and len(binding.spec_hash) <= _LONGEST_TEXT
        and len(binding.bound_at) <= _LONGEST_TEXT
        and all(map(is_node_name, binding.avoid))
    )
