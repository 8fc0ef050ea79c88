"""What one round of the scheduler decides on: data alone, read under the cache's lock in one go."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from controlplane.placement import Snapshot, Want
from controlplane.scheduler.bindings import Standing
from controlplane.scheduler.exclusive import Elsewhere
from taskyard.keys import NamedKey
from taskyard.store.api import Compare


class Round(msgspec.Struct, frozen=True):
    """Read in one go."""

    at: str
    """When, as its bindings say it."""
    shown: Snapshot
    """As the cache has it."""
    snapshot: Snapshot
    """With what is assumed."""
    wants: list[Want]
    standing: dict[NamedKey, Standing]
    elsewhere: dict[NamedKey, Mapping[str, Elsewhere]]
    """Of singletons: what still keeps them from each node but the one that is looked at."""
    namespaces: dict[str, Compare]
    """Of each that has a task among them, that its limits and its quota are as they were read."""
