"""One key to many values, with nothing left behind for a key that has none: the secondary indexes of the cache.

Most keys have one value, which is kept without a set for it.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class OneToMany(Generic[K, V]):
    def __init__(self) -> None:
        self._values: dict[K, V | set[V]] = {}

    def add(self, key: K, value: V) -> None:
        known = self._values.get(key)
        if known is None:
            self._values[key] = value
        elif isinstance(known, set):
            known.add(value)
        elif known != value:
            self._values[key] = {known, value}

    def discard(self, key: K, value: V) -> None:
        known = self._values.get(key)
        if isinstance(known, set):
            known.discard(value)
            if not known:
                del self._values[key]
        elif known is not None and known == value:
            del self._values[key]

    def keys(self) -> Set[K]:
        return self._values.keys()

    def move(self, value: V, old: K, new: K) -> None:
        """From one key to another, where an empty one (`""`) is none."""
        if old == new and (not new or value in self.of(new)):
            return
        if old:
            self.discard(old, value)
        if new:
            self.add(new, value)

    def only(self, key: K) -> V | None:
        """Its value where it has just one, and nearly always then: a key that had more may need `of`."""
        known = self._values.get(key)
        return None if isinstance(known, set) else known

    def of(self, key: K) -> Collection[V]:
        """Each once, in no order."""
        known = self._values.get(key)
        if known is None:
            return ()
        return known if isinstance(known, set) else (known,)
