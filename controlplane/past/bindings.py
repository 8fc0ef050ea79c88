"""What one transaction of the scheduler bound, and what it had to decide on: read back from the store's history.

A transaction binds many tasks, one after the other; each was placed with what the ones before it had taken. What the
store does not tell is what changed in the milliseconds between the decision and its transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from controlplane.cluster import ClusterCache
from controlplane.placement import Snapshot, SnapshotKeeper, Want, in_order, turn_of, want_of
from controlplane.placement.fairness import InTurn, amounts_of, capacity_of, dominant, take_fairly
from controlplane.placement.holdings import Holdings
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
    written = [e for e in store.list(keys.TASKS, revision=revision).entries if e.mod_revision == revision]
    return bound_by(written, before, SnapshotKeeper(before).take(), Holdings(before))


def bound_by(written: Iterable[Entry], before: ClusterCache, snapshot: Snapshot, holdings: Holdings) -> list[BoundThen]:
    """As `bound_at`, from the tasks that the transaction wrote; `snapshot` and `holdings` are those of `before`."""
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
    return sorted(_in_line(found, before, snapshot, holdings), key=lambda bound: bound.want.turn)


def _in_line(
    found: Sequence[BoundThen], before: ClusterCache, snapshot: Snapshot, holdings: Holdings
) -> Sequence[BoundThen]:
    """Those of several namespaces were taken from each fairly, by what it held then and its weight."""
    of: dict[str, list[NamedKey]] = {}
    for one in found:
        of.setdefault(one.want.key.namespace, []).append(one.want.key)
    if len(of) < 2:
        return found
    whole = capacity_of(snapshot.nodes.values())
    queues = {name: InTurn(turn_of(before.tasks[key]) for key in mine) for name, mine in of.items()}
    size = {one.want.key: dominant(amounts_of(one.want.demand), whole) for one in found}
    places = {
        key: place
        for place, key in enumerate(take_fairly(queues, holdings.shares(of, whole), size.__getitem__, len(found)))
    }
    return [replace(one, want=replace(one.want, line=places[one.want.key])) for one in found]


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
    return snapshot.with_nodes(nodes)
