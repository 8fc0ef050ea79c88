"""Telling a batch of changes to everybody who subscribed. Used by the informer, and by the caches built on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

C = TypeVar("C")


def tell_all(callbacks: Iterable[Callable[[Sequence[C]], None]], changes: Sequence[C]) -> None:
    """Calls nobody when nothing changed. An exception of a callback comes out after all were called."""
    failure: Exception | None = None
    for callback in callbacks if changes else ():
        try:
            callback(changes)
        except Exception as error:
            # The others must hear all the same: what one of them misses it may never learn.
            failure = error
    if failure is not None:
        raise failure
