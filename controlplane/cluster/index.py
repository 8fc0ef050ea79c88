"""One key to many values, with nothing left behind for a key that has none: the secondary indexes of the cache.

Most keys have one value, and a tuple of one takes a quarter of the room that a set of one takes.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class OneToMany(Generic[K, V]):
    def __init__(self) -> None:
        self._values: dict[K, tuple[V] | set[V]] = {}

    def add(self, key: K, value: V) -> None:
        known = self._values.get(key)
        if known is None:
            self._values[key] = (value,)
        elif isinstance(known, set):
            known.add(value)
        elif known[0] != value:
            self._values[key] = {known[0], value}

    def discard(self, key: K, value: V) -> None:
        known = self._values.get(key)
        if known is None or value not in known:
            return
        if isinstance(known, set) and len(known) > 1:
            known.remove(value)
        else:
            del self._values[key]

    def keys(self) -> Set[K]:
        return self._values.keys()

    def move(self, value: V, old: K, new: K) -> None:
        """From one key to another, where an empty one (`""`) is none."""
        if old == new and (not new or value in self._values.get(new, ())):
            return
        if old:
            self.discard(old, value)
        if new:
            self.add(new, value)

    def of(self, key: K) -> Collection[V]:
        """Each once, in no order."""
        return self._values.get(key, ())
