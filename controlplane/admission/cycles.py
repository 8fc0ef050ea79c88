"""No cycle of dependencies is written: what an object waits for is held against all others of its namespace.

One key of each namespace says who waits for whom. Whoever writes an object with dependencies reads it, looks for a
cycle, and writes both in one transaction that compares it; of two that would close a cycle the later looks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from controlplane.admission.decide import Refused
from controlplane.admission.graph import cycle_from, dependencies_of
from controlplane.admission.outcome import stored
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import AnyObject, BadValue, Dependencies, decode, encode, key_of
from taskyard.store.api import Compare, Operation, Put, Store, unchanged_since

MOST_EDGES = 1000
"""Objects with dependencies that a namespace's key may have before those are looked for that are gone."""
_KINDS = {"task": "Task", "service": "Service", "job": "Job"}


def waits(value: AnyObject | None) -> bool:
    return value is not None and bool(dependencies_of(value))


@dataclass(slots=True)
class Judged:
    """`refused`: by the place in what was judged. The others are written together with `operations`."""

    refused: dict[int, Refused] = field(default_factory=dict)
    compares: list[Compare] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)


def judge(store: Store, namespace: str, values: Sequence[AnyObject]) -> Judged:
    """Of objects of one namespace, in order. Raises StoreUnavailable."""
    key = keys.dependencies(namespace)
    entry = store.get(key)
    try:
        before = decode(entry.value, Dependencies).edges if entry else {}
    except BadValue:
        before = {}
    edges, judged, here = _kept(store, namespace, before), Judged(), set[str]()
    for at, value in enumerate(values):
        label = _label(value)
        known = edges.pop(label, [])
        if wanted := [each.label for each in dependencies_of(value)]:
            edges[label] = wanted
        here.add(label)
        cycle = _real_cycle(store, namespace, label, edges, here)
        if cycle:
            edges[label] = known
            judged.refused[at] = _refusal(value, cycle)
    if edges != before:
        judged.operations.append(Put(key, encode(Dependencies(edges=edges))))
    judged.compares.append(unchanged_since(key, entry.mod_revision if entry else 0))
    return judged


def _kept(store: Store, namespace: str, edges: dict[str, list[str]]) -> dict[str, list[str]]:
    """All of them; without those of objects that are gone, once there are so many that they weigh. Whoever makes such
    an object anew compares this key, too, so none is forgotten that is just being written."""
    if len(edges) <= MOST_EDGES:
        return dict(edges)
    there = {
        f"{kind}/{entry.key.rpartition('/')[2]}"
        for kind in _KINDS
        for entry in store.list(f"{keys.ROOT}{kind}s/{namespace}/").entries
    }
    return {label: to for label, to in edges.items() if label in there}


def _real_cycle(store: Store, namespace: str, start: str, edges: dict[str, list[str]], here: set[str]) -> list[str]:
    """Without what was deleted since, or changed by hand."""
    while cycle := cycle_from(start, edges):
        outdated = False
        for label in set(cycle) - here:
            kind, _, name = label.partition("/")
            place = ObjectKey(_KINDS[kind], namespace, name) if kind in _KINDS else None
            value = stored(store.get(keys.object_key(place)), place.kind) if place is not None else None
            now = [each.label for each in dependencies_of(value)] if value is not None else []
            outdated = outdated or now != edges.get(label, [])
            edges[label] = now
        if not outdated:
            return cycle
    return []


def _label(value: AnyObject) -> str:
    return f"{value.kind.lower()}/{value.metadata.name}"


def _refusal(value: AnyObject, cycle: list[str]) -> Refused:
    way = ", which waits for ".join(cycle[1:])
    message = f"{key_of(value).label} would wait for itself: {cycle[0]} waits for {way}"
    return Refused("DependencyCycle", message, "take one of these out of dependsOn")
