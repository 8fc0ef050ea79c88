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
    edges, judged, here = dict(before), Judged(), set[str]()
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


def _real_cycle(store: Store, namespace: str, start: str, edges: dict[str, list[str]], here: set[str]) -> list[str]:
    """Without what was deleted since, or changed by hand."""
    while cycle := cycle_from(start, edges):
        outdated = False
        for label in set(cycle) - here:
            kind, _, name = label.partition("/")
            place = ObjectKey(_KINDS[kind], namespace, name)
            value = stored(store.get(keys.object_key(place)), place.kind)
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
