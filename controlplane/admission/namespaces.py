"""What the namespaces say of the tasks in them, for one apply: as they are, or as the same apply has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.manifest import ManifestError, read_value
from taskyard.objects import AnyObject, Namespace, NamespaceSpec
from taskyard.store.api import Entry, Store


class Namespaces:
    """`guess`: as the writer's; a refusal is believed of a fresh read alone."""

    def __init__(self, store: Store, guess: Callable[[str], Entry | None] | None, wanted: Iterable[AnyObject]) -> None:
        self._store = store
        self._guess = guess
        self._declared = {each.metadata.name: each.spec for each in wanted if isinstance(each, Namespace)}
        self._read: dict[str, NamespaceSpec] = {}

    def spec(self, name: str, *, fresh: bool) -> NamespaceSpec:
        """Of one that nobody has declared, what such a one has. Raises StoreUnavailable."""
        if name in self._declared:
            return self._declared[name]
        key = ObjectKey("Namespace", "default", name)
        if self._guess is not None and not fresh:
            return _spec_in(self._guess(keys.object_key(key)), key)
        if name not in self._read:
            self._read[name] = _spec_in(self._store.get(keys.object_key(key)), key)
        return self._read[name]


def _spec_in(entry: Entry | None, key: ObjectKey) -> NamespaceSpec:
    """What was put by hand counts for as much as it does for all readers: what is wrong says nothing."""
    try:
        value = read_value(entry.value, key) if entry else None
    except ManifestError:
        return NamespaceSpec()
    return value.spec if isinstance(value, Namespace) else NamespaceSpec()
