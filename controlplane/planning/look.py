"""One look at a forecast: where every task is, what is in the way of those without a node, what it rests on. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from controlplane.cluster import ClusterCache, unread_volumes
from controlplane.dependencies import unmet
from controlplane.forecast import Fork, Placed
from controlplane.limits import held_by_limits
from controlplane.placement import Snapshot, SnapshotKeeper, explain, want_of
from controlplane.why import smallest_changes
from taskyard.keys import NamedKey
from taskyard.quantity import format_bytes, format_cpu

_CHANGES = 3


@dataclass(frozen=True, slots=True)
class Unplaced:
    """`needs`: the smallest changes that would let it in. `waits`: for what, before it is asked where it fits."""

    why: str
    needs: tuple[str, ...]
    waits: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    placed: Mapping[NamedKey, Placed]
    unplaced: Mapping[NamedKey, Unplaced]


def look_at(fork: Fork) -> Look:
    placed = fork.placed()
    snapshot = SnapshotKeeper(fork.cache).take()
    due = [key for key, task in placed.items() if task.due]
    return Look(placed, {key: _unplaced(fork.cache, snapshot, key) for key in due})


def node_digests(cache: ClusterCache) -> dict[str, str]:
    """Each node as placement sees it: its labels, taints, capacity, and what is left of it."""
    snapshot = SnapshotKeeper(cache).take()
    return {name: hashlib.sha256(repr(node_facts(snapshot, name)).encode()).hexdigest()[:16] for name in snapshot.nodes}


def node_facts(snapshot: Snapshot, name: str) -> dict[str, object]:
    """In words that can be compared and shown. Not the lease: an agent that was started again changes nothing."""
    node = snapshot.nodes[name]
    facts = node.facts
    return {
        "ready": facts.ready and not facts.stopping,
        "cordoned": facts.cordoned,
        "labels": sorted(facts.labels.items()),
        "taints": sorted(f"{t.key}={t.value}:{t.effect}" for t in facts.taints),
        "free cpu": format_cpu(node.cpu),
        "free memory": format_bytes(node.memory),
        "free disk": format_bytes(node.disk),
        "free other resources": sorted(node.generic.items()),
        "taken host ports": sorted(f"{port.port}/{port.protocol}" for port in node.ports),
        "tasks": node.tasks,
    }


def _unplaced(cache: ClusterCache, snapshot: Snapshot, key: NamedKey) -> Unplaced:
    if limits := held_by_limits(cache, cache.tasks[key]):
        return Unplaced(limits, ())
    if where := unread_volumes(cache, cache.tasks[key]):
        return Unplaced(where, ())
    if waits_for := unmet(cache, cache.tasks[key]):
        return Unplaced("", (), f"waits for {' and '.join(each.text for each in waits_for)}")
    want = want_of(cache, cache.tasks[key])
    found = explain(snapshot, want.demand, current=want.current, held=want.held)
    changes = smallest_changes(snapshot, want.demand, found, _CHANGES)
    return Unplaced(found.message, tuple(change.text for change in changes))
