"""Tasks and assignments out of their entries, when their specs are mostly the same bytes: those of a service's tasks.

A spec is checked, decoded and kept once, as are the texts that many values share; what else a value says is checked
each time. Only ever a short cut: a spec that is new, long, or in a value that is not spelled as we spell it, is read
like anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from sys import intern
from typing import NamedTuple

from msgspec.structs import replace

from controlplane.cluster.demand import Demand, demand_of
from controlplane.cluster.records import SpecHash
from controlplane.cluster.rules import Labels, shared_labels
from controlplane.cluster.spelled import SpelledAssignment, accepted, spelled_assignment, spelled_task
from taskyard.keys import ObjectKey
from taskyard.manifest import read_value
from taskyard.objects import AnyObject, Assignment, Metadata, Task, TaskSpec, decode

_KEPT = 4096
"""Specs, before all are given up."""
_LONGEST = 4096
"""Bytes of one that is kept."""
_LABELLED = 256
"""Different labels that its tasks have, before what they ask for is worked out anew."""


class _Labelled(NamedTuple):
    """Tasks with one spec and the same labels: what they ask for, whose namespace is theirs, and the labels."""

    demand: Demand
    labels: dict[str, str]


@dataclass(slots=True)
class _Known:
    spec: TaskSpec
    hash: SpecHash = field(default_factory=SpecHash)
    accepted: bool = False
    """By the schema, in a task; in an assignment it need only have the shape."""
    _by_labels: dict[tuple[str, Labels], _Labelled] = field(default_factory=dict)
    _demands: dict[tuple[str, Labels], Demand] = field(default_factory=dict)
    """By the labels that rules count by, which the tasks of a service have in common."""

    def labelled(self, namespace: str, labels: dict[str, str]) -> _Labelled:
        """ValueError as `demand_of`."""
        who = namespace, tuple(labels.items())
        found = self._by_labels.get(who)
        if found is None:
            if len(self._by_labels) >= _LABELLED:
                self._by_labels.clear()
            found = self._by_labels[who] = _Labelled(self._demand(namespace, labels), labels)
        return found

    def _demand(self, namespace: str, labels: dict[str, str]) -> Demand:
        who = namespace, shared_labels(labels)
        found = self._demands.get(who)
        if found is None:
            if len(self._demands) >= _LABELLED:
                self._demands.clear()
            found = self._demands[who] = demand_of(self.spec, namespace, labels)
        return found


class KnownSpecs:
    """One thread's."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}

    def task(self, raw: bytes, key: ObjectKey) -> tuple[Task, Demand, SpecHash]:
        """Of a task's key. Raises as `read_value`, and ValueError as `demand_of`."""
        spelled = spelled_task(raw)
        spec = bytes(spelled.spec) if spelled is not None else b""
        known = self._known.get(spec)
        metadata: Metadata
        if spelled is not None and known is not None and known.accepted and accepted(spelled, key):
            metadata, binding = spelled.metadata, spelled.binding
        else:
            task = _task(read_value(raw, key))
            known = self._keep(spec, known or _Known(task.spec))
            known.accepted = True
            metadata, binding = task.metadata, task.binding
        found = known.labelled(metadata.namespace, metadata.labels)
        metadata = replace(metadata, labels=found.labels, namespace=found.demand.namespace)
        if binding is not None:
            binding = replace(
                binding,
                node=intern(binding.node),
                spec_hash=intern(binding.spec_hash),
                # All of a round are bound at one moment.
                bound_at=intern(binding.bound_at),
            )
        return Task(metadata=metadata, spec=known.spec, binding=binding), found.demand, known.hash

    def assignment(self, raw: bytes) -> tuple[Assignment, Demand]:
        """BadValue when it has not the shape of one, ValueError as `demand_of`."""
        spelled = spelled_assignment(raw)
        spec = bytes(spelled.spec) if spelled is not None else b""
        known = self._known.get(spec)
        read: Assignment | SpelledAssignment
        if spelled is not None and known is not None:
            read = spelled
        else:
            read = decode(raw, Assignment)
            known = self._keep(spec, _Known(read.spec))
        found = known.labelled(read.namespace, read.labels)
        shared = Assignment(
            uid=read.uid,
            namespace=found.demand.namespace,
            name=read.name,
            epoch=read.epoch,
            desired=read.desired,
            reason=read.reason,
            grace_period=read.grace_period,
            spec_hash=intern(read.spec_hash),
            spec=known.spec,
            labels=found.labels,
            result_of=read.result_of,
            assigned_at=intern(read.assigned_at),
        )
        return shared, found.demand

    def _keep(self, spelled: bytes, known: _Known) -> _Known:
        if 0 < len(spelled) <= _LONGEST:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[spelled] = known
        return known


def _task(value: AnyObject) -> Task:
    if not isinstance(value, Task):
        raise TypeError(f"{type(value).__name__} under the key of a task")
    return value
