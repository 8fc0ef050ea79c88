"""The cluster as it was at an earlier revision of the store, and what the scheduler decided then.

Reading only, and only as far back as the store's history goes: etcd keeps all of it until somebody compacts it.
"""

from controlplane.past.bindings import BoundThen, bound_at, bound_by, state_before
from controlplane.past.cluster import cluster_at

__all__ = ["BoundThen", "bound_at", "bound_by", "cluster_at", "state_before"]
