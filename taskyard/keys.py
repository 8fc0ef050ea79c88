"""Where things are in etcd. Every key is built and taken apart here and nowhere else."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from sys import intern
from typing import NamedTuple

from taskyard.kinds import BY_KIND, BY_PLURAL
from taskyard.node_name import is_node_name

ROOT = "/taskyard/v1/"
TASKS = ROOT + "tasks/"
SERVICES = ROOT + "services/"
NODES = ROOT + "nodes/"
ROLLOUTS = ROOT + "rollouts/"
JOBS = ROOT + "jobs/"
RUNS = ROOT + "runs/"
CRONS = ROOT + "crons/"
TICKS = ROOT + "ticks/"
RESULTS = ROOT + "results/"
EVENTS = ROOT + "events/"
MOVES = ROOT + "moves/"
LEADERS = ROOT + "leader/"
CREATES = ROOT + "creates"
"""Compared by each create, and changed before one that got no answer is repeated."""
MARK = ROOT + "history/mark"
"""What time it was: written over and over, so that its own history ties revisions to moments."""
CLUSTER_NAMESPACE = "_cluster"
"""Holds the events about nodes; not a name that a user can take."""


class NamedKey(NamedTuple):
    namespace: str
    name: str


class ObjectKey(NamedTuple):
    """Of an object that is kept whole under one key. One in no namespace has `default` here, as in its metadata."""

    kind: str
    namespace: str
    name: str

    @property
    def label(self) -> str:
        """`task/web`, or `task/web in namespace shop`: how messages call it."""
        where = f" in namespace {self.namespace}" if self.namespace != "default" else ""
        return f"{self.kind.lower()}/{self.name}{where}"


class NodeKey(NamedTuple):
    """`part` is spec, lease, stats, anchor, assignments or status; `uid` only with the last two."""

    node: str
    part: str
    uid: str


def task(namespace: str, name: str) -> str:
    return f"{TASKS}{namespace}/{name}"


def object_key(key: ObjectKey) -> str:
    """`<plural>/<namespace>/<name>`, or `<plural>/<name>` of a kind that is in no namespace."""
    names = BY_KIND[key.kind]
    return (
        f"{ROOT}{names.plural}/{key.namespace}/{key.name}" if names.namespaced else f"{ROOT}{names.plural}/{key.name}"
    )


def move(namespace: str, name: str) -> str:
    """A wish that this task go to a certain node."""
    return f"{MOVES}{namespace}/{name}"


def rollout(namespace: str, service: str) -> str:
    return f"{ROLLOUTS}{namespace}/{service}"


def run(namespace: str, job: str) -> str:
    """How far this job is."""
    return f"{RUNS}{namespace}/{job}"


def ticks(namespace: str, cron: str) -> str:
    """Which of its times this cron has seen to."""
    return f"{TICKS}{namespace}/{cron}"


def dependencies(namespace: str) -> str:
    """Who waits for whom there."""
    return f"{ROOT}dependencies/{namespace}"


def result(uid: str) -> str:
    return RESULTS + uid


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
    return events_about(namespace, kind, name) + digest


def events_about(namespace: str, kind: str, name: str) -> str:
    """The prefix."""
    return f"{EVENTS}{namespace}/{kind.lower()}/{name}/"


def is_object(key: str) -> bool:
    """Under the prefix of one of the kinds that are kept whole."""
    return key.startswith(ROOT) and key[len(ROOT) :].partition("/")[0] in BY_PLURAL


@lru_cache(maxsize=8192)
def parse_object(key: str) -> ObjectKey | None:
    """None for a key that is not where an object of its kind is kept."""
    folder, _, name = key.rpartition("/")
    found = _kind_and_namespace(folder)
    return ObjectKey(*found, name) if found is not None and name else None


@lru_cache(maxsize=1024)
def _kind_and_namespace(folder: str) -> tuple[str, str] | None:
    """Of the objects right in a folder, which has no slash at its end."""
    plural, *parts = folder[len(ROOT) :].split("/") if folder.startswith(ROOT) else [""]
    names = BY_PLURAL.get(plural)
    if names is None or not all(parts) or len(parts) != (1 if names.namespaced else 0):
        return None
    return names.kind, parts[0] if names.namespaced else "default"


def parse_move(key: str) -> NamedKey | None:
    """None for a key that is not `moves/<namespace>/<name>`."""
    return _parse_named(MOVES, key)


def parse_rollout(key: str) -> NamedKey | None:
    """None for a key that is not `rollouts/<namespace>/<service>`."""
    return _parse_named(ROLLOUTS, key)


def parse_run(key: str) -> NamedKey | None:
    """None for a key that is not `runs/<namespace>/<job>`."""
    return _parse_named(RUNS, key)


def parse_ticks(key: str) -> NamedKey | None:
    """None for a key that is not `ticks/<namespace>/<cron>`."""
    return _parse_named(TICKS, key)


def parse_result(key: str) -> str:
    """The uid; empty for a key that is not `results/<uid>`."""
    uid = key[len(RESULTS) :] if key.startswith(RESULTS) else ""
    return "" if "/" in uid else uid


def _parse_named(prefix: str, key: str) -> NamedKey | None:
    parts = key[len(prefix) :].split("/") if key.startswith(prefix) else []
    return NamedKey(*parts) if len(parts) == 2 and all(parts) else None


_PARTS = {"spec": False, "lease": False, "stats": False, "anchor": False, "assignments": True, "status": True}
"""Of a node's keys; True: of each task on it."""


@lru_cache(maxsize=8192)
def parse_node(key: str) -> NodeKey | None:
    """None for a key that is not one of a node's, or of what cannot be a node's name."""
    folder, _, last = key.rpartition("/")
    found = _node_and_part(folder)
    if found is None:
        return None
    node, part = found
    if part:
        return NodeKey(node, part, last)
    return NodeKey(node, last, "") if _PARTS.get(last) is False else None


@lru_cache(maxsize=32768)
def _node_and_part(folder: str) -> tuple[str, str] | None:
    """Of the keys right in a folder, which has no slash at its end. No part: they are named like parts themselves."""
    node, slash, part = folder[len(NODES) :].partition("/") if folder.startswith(NODES) else ("", "", "")
    if not is_node_name(node) or (slash and _PARTS.get(part) is not True):
        return None
    # One text for each node, not one for each of the hundreds of keys that it has.
    return intern(node), part
