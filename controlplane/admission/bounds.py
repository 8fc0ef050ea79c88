"""Nothing is applied whose tasks would be beyond their namespace's limits: as they are, or as the same apply has them.

What gets past, because the limits are written meanwhile, gets no node: see `controlplane.limits`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from controlplane.admission.decide import Refused
from controlplane.admission.outcome import stored
from controlplane.limits import beyond_of, templates_of
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import AnyObject, Namespace, TaskLimits, key_of
from taskyard.store.api import Entry, Store


class Bounds:
    """Those of all namespaces, for one apply. `guess`: as the writer's; a refusal is believed of a fresh read alone."""

    def __init__(self, store: Store, guess: Callable[[str], Entry | None] | None, wanted: Iterable[AnyObject]) -> None:
        self._store = store
        self._guess = guess
        self._declared = {each.metadata.name: each.spec.limits for each in wanted if isinstance(each, Namespace)}
        self._read: dict[str, TaskLimits] = {}

    def check(self, value: AnyObject, existing: AnyObject | None, *, fresh: bool) -> Refused | None:
        """What was accepted under other limits may stay, and be scaled or labelled. Raises StoreUnavailable."""
        made = templates_of(value)
        if not made or (existing is not None and made == templates_of(existing)):
            return None
        namespace = value.metadata.namespace
        found = beyond_of(self._limits(namespace, fresh), value)
        if not found:
            return None
        return Refused(
            "BeyondLimits",
            f"{key_of(value).label} is beyond the limits of namespace {namespace}: {'; '.join(found)}",
            f"change that, or spec.limits of namespace/{namespace}",
        )

    def _limits(self, namespace: str, fresh: bool) -> TaskLimits:
        if namespace in self._declared:
            return self._declared[namespace]
        key = keys.object_key(ObjectKey("Namespace", "default", namespace))
        if self._guess is not None and not fresh:
            return _limits_in(self._guess(key))
        if namespace not in self._read:
            self._read[namespace] = _limits_in(self._store.get(key))
        return self._read[namespace]


def _limits_in(entry: Entry | None) -> TaskLimits:
    value = stored(entry, "Namespace")
    return value.spec.limits if isinstance(value, Namespace) else TaskLimits()
