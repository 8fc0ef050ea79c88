"""A cluster cache filled from one revision of the store's history."""

from __future__ import annotations

from collections.abc import Callable

from controlplane.cluster import ClusterCache
from taskyard import keys
from taskyard.clock import Clock
from taskyard.store.api import Store
from taskyard.store.informer import Informer
from taskyard.store.past import PastStore


def cluster_at(
    store: Store,
    revision: int,
    clock: Clock,
    strategy: str = "spread",
    attach: Callable[[ClusterCache], None] | None = None,
) -> ClusterCache:
    """`strategy`: of tasks that name none, which the store does not say. `attach` is called before it is filled.

    Raises Compacted when the store does not remember it, StoreUnavailable.
    """
    past = PastStore(store, revision, leave_out=(keys.EVENTS, keys.LEADERS))
    informer = Informer(past, keys.ROOT, clock)
    cache = ClusterCache(informer, strategy)
    if attach is not None:
        attach(cache)
    informer.sync()
    informer.close()
    return cache
