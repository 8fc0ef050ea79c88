"""One key to many values, with no empty sets left behind: the secondary indexes of the cache."""

from __future__ import annotations

from collections.abc import Set
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class OneToMany(Generic[K, V]):
    def __init__(self) -> None:
        self._sets: dict[K, set[V]] = {}

    def add(self, key: K, value: V) -> None:
        self._sets.setdefault(key, set()).add(value)

    def discard(self, key: K, value: V) -> None:
        values = self._sets.get(key)
        if values is None:
            return
        values.discard(value)
        if not values:
            del self._sets[key]

    def keys(self) -> Set[K]:
        return self._sets.keys()

    def move(self, value: V, old: K, new: K) -> None:
        """From one key to another, where an empty one (`""`) is none."""
        if old == new and (not new or value in self._sets.get(new, ())):
            return
        if old:
            self.discard(old, value)
        if new:
            self.add(new, value)

    def of(self, key: K) -> Set[V]:
        return self._sets.get(key) or set()
