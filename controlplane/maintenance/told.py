"""What is said of nodes, and what of it whoever led before has told people: by the mark that leaders write.

What was said before the last mark of an earlier leader was told by it, as it was there then. What came after that mark
may have come while nobody led, and is told now; at worst twice, which an event counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from controlplane.past import mark_at
from taskyard import keys
from taskyard.objects import BadValue, Maintenance, NodeSpec, decode
from taskyard.store.api import Compacted, RequestRefused, Store


class Said(NamedTuple):
    """By an operator, of one node."""

    cordoned: bool = False
    maintenance: Maintenance | None = None


NOTHING = Said()


def said_in(spec: NodeSpec | None) -> Said:
    return Said(spec.cordoned, spec.maintenance) if spec is not None else NOTHING


def told_before(store: Store, present: Mapping[str, tuple[Said, int]], since: int, otherwise: int) -> dict[str, Said]:
    """By node, where it is anything. `present`: what is said now, and the mod revision of that; `since`: the revision
    at which this term's leader came; `otherwise`: the revision that counts where no earlier one left a mark. What
    history does not know any more counts as told. Raises StoreError."""
    try:
        mark = mark_at(store, since - 1)
        before = mark.revision if mark is not None else otherwise
        told = {
            name: said if revision <= before else _said_at(store, name, before)
            for name, (said, revision) in present.items()
        }
    except (Compacted, RequestRefused):
        told = {name: said for name, (said, _) in present.items()}
    return {name: said for name, said in told.items() if said != NOTHING}


def _said_at(store: Store, name: str, revision: int) -> Said:
    entry = store.get(keys.node_spec(name), revision=revision)
    try:
        return said_in(decode(entry.value, NodeSpec) if entry is not None else None)
    except BadValue:
        return NOTHING
