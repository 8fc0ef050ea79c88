"""What one transaction of the scheduler bound, and what it had to decide on: read back from the store's history.

A transaction binds many tasks, one after the other; each was placed with what the ones before it had taken. What the
store does not tell is what changed in the milliseconds between the decision and its transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from controlplane.cluster import ClusterCache
from controlplane.placement import Snapshot, Want, in_order, want_of
from controlplane.placement.want import beyond
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import BadValue, Binding, Task, decode
from taskyard.store.api import Entry, Store


@dataclass(frozen=True, slots=True)
class BoundThen:
    """`want`: what it asked for just before; `binding`: what it got."""

    want: Want
    binding: Binding


def bound_at(store: Store, revision: int, before: ClusterCache) -> list[BoundThen]:
    """In the order of their turns. `before`: the cluster one revision earlier. Raises Compacted, StoreUnavailable."""
    return bound_by(
        (e for e in store.list(keys.TASKS, revision=revision).entries if e.mod_revision == revision), before
    )


def bound_by(written: Iterable[Entry], before: ClusterCache) -> list[BoundThen]:
    """As `bound_at`, from the tasks that the transaction wrote."""
    found = []
    for entry in written:
        key = keys.parse_object(entry.key)
        record = before.tasks.get(NamedKey(key.namespace, key.name)) if key is not None else None
        if record is None:
            continue
        try:
            binding = decode(entry.value, Task).binding
        except BadValue:
            continue
        old = record.task.binding
        if binding is not None and (old is None or binding.epoch > old.epoch):
            found.append(BoundThen(want_of(before, record), binding))
    return sorted(found, key=lambda bound: bound.want.turn)


def state_before(snapshot: Snapshot, bound: Sequence[BoundThen], key: NamedKey) -> Snapshot:
    """The nodes as that task found them: `snapshot` with what those whose turn was earlier were given."""
    nodes, by_key = dict(snapshot.nodes), {one.want.key: one for one in bound}
    for want in in_order(snapshot, [one.want for one in bound]):
        one = by_key[want.key]
        if one.want.key == key:
            break
        node, held = nodes.get(one.binding.node), one.want.held
        if node is not None:
            stays = held is not None and held.node == one.binding.node
            nodes[one.binding.node] = node.charged(
                beyond(one.want.demand, held.demand) if stays and held else one.want.demand
            )
    return replace(snapshot, nodes=nodes)
