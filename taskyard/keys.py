"""Where things are in etcd. Every key is built and taken apart here and nowhere else."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from taskyard.node_name import is_node_name

ROOT = "/taskyard/v1/"
TASKS = ROOT + "tasks/"
NODES = ROOT + "nodes/"
EVENTS = ROOT + "events/"
LEADERS = ROOT + "leader/"
CLUSTER_NAMESPACE = "_cluster"
"""Holds the events about nodes; not a name that a user can take."""


class NamedKey(NamedTuple):
    namespace: str
    name: str


class NodeKey(NamedTuple):
    """`part` is spec, lease, stats, assignments or status; `uid` only with the last two."""

    node: str
    part: str
    uid: str


def task(namespace: str, name: str) -> str:
    return f"{TASKS}{namespace}/{name}"


def node_prefix(node: str) -> str:
    return f"{NODES}{node}/"


def node_spec(node: str) -> str:
    return f"{NODES}{node}/spec"


def node_lease(node: str) -> str:
    return f"{NODES}{node}/lease"


def node_stats(node: str) -> str:
    return f"{NODES}{node}/stats"


def node_anchor(node: str) -> str:
    return f"{NODES}{node}/anchor"


def assignment(node: str, uid: str) -> str:
    return f"{NODES}{node}/assignments/{uid}"


def status(node: str, uid: str) -> str:
    return f"{NODES}{node}/status/{uid}"


def leader(role: str) -> str:
    return LEADERS + role


def event(namespace: str, kind: str, name: str, component: str, reason: str, message: str) -> str:
    digest = hashlib.sha256(f"{component}\0{reason}\0{message}".encode()).hexdigest()[:12]
    return f"{EVENTS}{namespace}/{kind.lower()}/{name}/{digest}"


def parse_task(key: str) -> NamedKey | None:
    """None for a key that is not `tasks/<namespace>/<name>`."""
    parts = key[len(TASKS) :].split("/") if key.startswith(TASKS) else []
    return NamedKey(*parts) if len(parts) == 2 and all(parts) else None


def parse_node(key: str) -> NodeKey | None:
    """None for a key that is not one of a node's, or of what cannot be a node's name."""
    parts = key[len(NODES) :].split("/") if key.startswith(NODES) else []
    if not parts or not is_node_name(parts[0]):
        return None
    if len(parts) == 2 and parts[1] in ("spec", "lease", "stats"):
        return NodeKey(parts[0], parts[1], "")
    if len(parts) == 3 and parts[1] in ("assignments", "status"):
        return NodeKey(*parts)
    return None
