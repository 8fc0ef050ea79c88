"""What is said of a record that nobody can read, and that therefore holds up whatever rests on it.

Pure reading of the cache, under its lock.
"""

from __future__ import annotations

from controlplane.cluster.cache import ClusterCache


def unread(cache: ClusterCache, place: str, otherwise: str) -> str:
    """`its record PLACE cannot be read: WHY; put a valid value there, or delete that key OTHERWISE`; empty when it can
    be read, or is not there."""
    reason = cache.quarantined.get(place)
    if reason is None:
        return ""
    return f"its record {place} cannot be read: {reason}; put a valid value there, or delete that key {otherwise}"
