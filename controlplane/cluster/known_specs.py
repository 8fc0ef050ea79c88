"""Tasks and assignments out of their entries, when their specs are mostly the same bytes: those of a service's tasks.

A spec is checked, decoded and kept once; what else a value says is checked each time. Only ever a short cut: a spec
that is new, long, or in a value that is not spelled as we spell it, is read like anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import msgspec
from msgspec.structs import replace

from controlplane.cluster.demand import Demand, demand_of
from controlplane.cluster.records import SpecHash
from controlplane.cluster.rules import Labels, labels_of
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


@dataclass(slots=True)
class KnownSpec:
    spec: TaskSpec
    hash: SpecHash = field(default_factory=SpecHash)
    accepted: bool = False
    """By the schema, in a task; in an assignment it need only have the shape."""
    _demands: dict[tuple[str, Labels], Demand] = field(default_factory=dict)

    def demand(self, namespace: str, labels: dict[str, str]) -> Demand:
        """ValueError as `demand_of`."""
        who = namespace, labels_of(labels)
        found = self._demands.get(who)
        if found is None:
            if len(self._demands) >= _LABELLED:
                self._demands.clear()
            found = self._demands[who] = demand_of(self.spec, namespace, labels)
        return found


class KnownSpecs:
    """One thread's."""

    def __init__(self) -> None:
        self._known: dict[bytes, KnownSpec] = {}

    def task(self, raw: bytes, key: ObjectKey) -> tuple[Task, KnownSpec]:
        """Of a task's key. Raises as `read_value`."""
        shell = _shell_of(raw)
        spelled = bytes(shell.spec) if shell is not None else b""
        known = self._known.get(spelled)
        if shell is None or known is None or not known.accepted:
            task = _task(read_value(raw, key))
            known = self._keep(spelled, known or KnownSpec(task.spec))
            known.accepted = True
        else:
            task = _task(read_value(_encode(replace(shell, spec=_SOME_SPEC)), key))
        return replace(task, spec=known.spec), known

    def assignment(self, raw: bytes) -> tuple[Assignment, KnownSpec]:
        """BadValue when it has not the shape of one."""
        assignment = decode(raw, Assignment)
        spelled = bytes(_holder.decode(raw).spec)
        known = self._known.get(spelled)
        if known is None:
            known = self._keep(spelled, KnownSpec(assignment.spec))
        return replace(assignment, spec=known.spec), known

    def _keep(self, spelled: bytes, known: KnownSpec) -> KnownSpec:
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
