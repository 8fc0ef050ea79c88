"""Garbage collection: what has ended is deleted once nobody has to see it any more."""

from controlplane.garbage.controller import GarbageCollector
from controlplane.garbage.decide import Keep

__all__ = ["GarbageCollector", "Keep"]
