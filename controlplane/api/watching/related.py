"""Whether an event is part of another object's story: about what that owns, or about what a node runs.

Read from the cache as it is now; a look-up of one object at a time needs no lock.
"""

from __future__ import annotations

import re

from controlplane.cluster import ClusterCache
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import Event, ObjectRef

_MAKERS = ("service", "job", "cron")


def is_part_of(cache: ClusterCache, event: Event, kind: str, name: str) -> bool:
    """`kind` in small letters. Of the same namespace, unless it is a node's."""
    if kind == "node":
        held = cache.tasks.get(NamedKey(event.namespace, event.about.name)) if event.about.kind == "Task" else None
        return event.component == f"agent/{name}" or (held is not None and held.node == name)
    return kind in _MAKERS and _is_made_for(cache, event.namespace, event.about, kind, name)


def _is_made_for(cache: ClusterCache, namespace: str, about: ObjectRef, kind: str, name: str) -> bool:
    """At any remove: a cron's jobs have tasks. What is gone is known by the name that was made for it."""
    found = cache.find(ObjectKey(about.kind, namespace, about.name))
    if found is None:
        of_name = re.fullmatch(re.escape(name) + r"(-\d+){1,2}(-r\d+)?", about.name, re.ASCII)
        return about.kind in ("Task", "Job") and of_name is not None
    owner = found.metadata.owner
    if owner is None:
        return False
    if (owner.kind.lower(), owner.name) == (kind, name):
        return True
    return _is_made_for(cache, namespace, ObjectRef(kind=owner.kind, name=owner.name), kind, name)
