"""Tasks and assignments out of their entries, when their specs are mostly the same bytes: those of a service's tasks.

A spec is checked, decoded and kept once, as are the texts that many values share; what else a value says is checked
each time. Only ever a short cut: a spec that is new, long, or in a value that is not spelled as we spell it, is read
like anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from sys import intern
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from controlplane.cluster.demand import Demand, demand_of
from controlplane.cluster.records import SpecHash
from controlplane.cluster.rules import Labels
from taskyard.keys import ObjectKey
from taskyard.manifest import read_value
from taskyard.objects import AnyObject, Assignment, Task, TaskSpec, decode
from taskyard.objects.base import Wire

_KEPT = 4096
"""Specs, before all are given up."""
_LONGEST = 4096
"""Bytes of one that is kept."""
_LABELLED = 256
"""Different labels that its tasks have, before what they ask for is worked out anew."""
_SOME_SPEC = msgspec.Raw(b'{"image":"some"}')
"""Stands in for one that is known to be right while all else is checked."""


class _Shell(Wire, frozen=True, kw_only=True):
    """A task whose parts are not looked into."""

    api_version: msgspec.Raw
    kind: Literal["Task"]
    metadata: msgspec.Raw
    spec: msgspec.Raw
    binding: msgspec.Raw = msgspec.Raw()


class _Holder(msgspec.Struct, frozen=True, gc=False):
    spec: msgspec.Raw


_shell = msgspec.json.Decoder(_Shell)
_holder = msgspec.json.Decoder(_Holder)
_encode = msgspec.json.Encoder().encode


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

    def labelled(self, namespace: str, labels: dict[str, str]) -> _Labelled:
        """ValueError as `demand_of`."""
        who = namespace, tuple(labels.items())
        found = self._by_labels.get(who)
        if found is None:
            if len(self._by_labels) >= _LABELLED:
                self._by_labels.clear()
            found = self._by_labels[who] = _Labelled(demand_of(self.spec, namespace, labels), labels)
        return found


class KnownSpecs:
    """One thread's."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}

    def task(self, raw: bytes, key: ObjectKey) -> tuple[Task, Demand, SpecHash]:
        """Of a task's key. Raises as `read_value`, and ValueError as `demand_of`."""
        shell = _shell_of(raw)
        spelled = bytes(shell.spec) if shell is not None else b""
        known = self._known.get(spelled)
        if shell is None or known is None or not known.accepted:
            task = _task(read_value(raw, key))
            known = self._keep(spelled, known or _Known(task.spec))
            known.accepted = True
        else:
            task = _task(read_value(_encode(replace(shell, spec=_SOME_SPEC)), key))
        found = known.labelled(task.metadata.namespace, task.metadata.labels)
        metadata = replace(task.metadata, labels=found.labels, namespace=found.demand.namespace)
        binding = task.binding
        if binding is not None:
            binding = replace(binding, node=intern(binding.node), spec_hash=intern(binding.spec_hash))
        return replace(task, metadata=metadata, spec=known.spec, binding=binding), found.demand, known.hash

    def assignment(self, raw: bytes) -> tuple[Assignment, Demand]:
        """BadValue when it has not the shape of one, ValueError as `demand_of`."""
        assignment = decode(raw, Assignment)
        spelled = bytes(_holder.decode(raw).spec)
        known = self._known.get(spelled)
        if known is None:
            known = self._keep(spelled, _Known(assignment.spec))
        found = known.labelled(assignment.namespace, assignment.labels)
        shared = replace(
            assignment,
            spec=known.spec,
            labels=found.labels,
            namespace=found.demand.namespace,
            spec_hash=intern(assignment.spec_hash),
        )
        return shared, found.demand

    def _keep(self, spelled: bytes, known: _Known) -> _Known:
        if 0 < len(spelled) <= _LONGEST:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[spelled] = known
        return known


def _shell_of(raw: bytes) -> _Shell | None:
    """None when it does not read back byte for byte: it may say something twice."""
    try:
        shell = _shell.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return shell if _encode(shell) == raw else None


def _task(value: AnyObject) -> Task:
    if not isinstance(value, Task):
        raise TypeError(f"{type(value).__name__} under the key of a task")
    return value
