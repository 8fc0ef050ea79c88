"""What each namespace holds of the cluster, over the cache: costs the nodes that changed since somebody last asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from controlplane.cluster import CacheChange, ChangeKind, ClusterCache
from controlplane.placement.fairness import Amounts, Share, amounts_of, dominant
from taskyard.keys import ObjectKey
from taskyard.objects import Namespace

_KINDS: tuple[ChangeKind, ...] = ("node", "assignment", "status")


class Holdings:
    """Call it under the cache's lock."""

    def __init__(self, cache: ClusterCache) -> None:
        self._cache = cache
        self._dirty: set[str] | None = None
        """Nodes; None: all."""
        self._on: dict[str, dict[str, Counter[str]]] = {}
        """By node and namespace."""
        self._held: dict[str, Counter[str]] = {}
        cache.on_change(self._mark, _KINDS)

    def shares(self, namespaces: Iterable[str], whole: Amounts) -> dict[str, Share]:
        """`whole`: of the cluster."""
        for node in self._cache.nodes.keys() | self._on.keys() if self._dirty is None else self._dirty:
            self._read(node)
        self._dirty = set()
        return {name: Share(dominant(self._held.get(name, {}), whole), self.weight(name)) for name in namespaces}

    def weight(self, namespace: str) -> int:
        record = self._cache.objects.get(ObjectKey("Namespace", "default", namespace))
        return record.value.spec.weight if record is not None and isinstance(record.value, Namespace) else 1

    def _read(self, node: str) -> None:
        for namespace, before in self._on.pop(node, {}).items():
            self._held[namespace] -= before
        now: dict[str, Counter[str]] = {}
        for demand in self._cache.usage(node).by_uid.values():
            now.setdefault(demand.namespace, Counter()).update(amounts_of(demand))
        for namespace, amounts in now.items():
            self._held.setdefault(namespace, Counter()).update(amounts)
        if now:
            self._on[node] = now

    def _mark(self, changes: Sequence[CacheChange]) -> None:
        if self._dirty is not None:
            self._dirty.update(change.node for change in changes if change.kind in _KINDS)
