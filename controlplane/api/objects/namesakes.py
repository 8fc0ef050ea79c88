"""Objects of other kinds with a name that was asked for in vain: who asks for task 'shop' may mean service/shop."""

from __future__ import annotations

from controlplane.cluster import ClusterCache
from taskyard.keys import NamedKey, ObjectKey
from taskyard.kinds import TABLE


def namesakes(cache: ClusterCache, kind: str, key: NamedKey) -> str:
    """`there is service/shop`; empty where there is none. Under the cache's lock."""
    found = [
        f"{names.singular}/{key.name}"
        for names in TABLE
        if names.namespaced and names.kind != kind and _is_there(cache, names.kind, key)
    ]
    return f"there is {' and '.join(found)}" if found else ""


def _is_there(cache: ClusterCache, kind: str, key: NamedKey) -> bool:
    return key in cache.tasks if kind == "Task" else ObjectKey(kind, *key) in cache.objects
