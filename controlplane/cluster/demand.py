"""What a task asks of a node, as plain values: the part of it that decides where it fits, and nothing else.

Tasks with equal demands are interchangeable for placement, so a demand is what decisions are grouped by. Pure.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from controlplane.cluster.rules import ANYWHERE, Labels, Rules, labels_of, rules_of, shared_labels
from taskyard.objects import TaskSpec
from taskyard.quantity import byte_count, cpu_millis

NOMINAL_CPU = 100
NOMINAL_MEMORY = 128 * 2**20
"""What a task that states no cpu (millicores) or memory (bytes) counts for when nodes are scored, though nothing is set
aside for it: else any number of such tasks would pile up on the emptiest node."""


class HostPortKey(NamedTuple):
    """A port of the node that only one task at a time can have."""

    protocol: str
    port: int


class Demand(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """Millicores, bytes, bytes; fixed host ports; labels that the node must have; then all else that decides."""

    cpu: int = 0
    memory: int = 0
    disk: int = 0
    ports: tuple[HostPortKey, ...] = ()
    selector: Labels = ()
    generic: tuple[tuple[str, int], ...] = ()
    """Whole numbers of what nodes offer, by name."""
    rules: Rules = ANYWHERE
    strategy: str = ""
    """`spread` or `binpack`; empty: the cluster's."""
    image: str = ""
    namespace: str = ""
    labels: Labels = ()
    """Whose rules it counts for: those of tasks in its namespace that select these labels."""
    priority: int = 0
    counted: bool = True
    """For its namespace's quota."""

    @property
    def nominal_cpu(self) -> int:
        return self.cpu or NOMINAL_CPU

    @property
    def nominal_memory(self) -> int:
        return self.memory or NOMINAL_MEMORY


def demand_of(spec: TaskSpec, namespace: str = "default", labels: dict[str, str] | None = None) -> Demand:
    """ValueError when a quantity in the spec is none."""
    resources = spec.resources
    own = shared_labels(labels) if labels else ()
    return Demand(
        cpu=(0 if resources.cpu is None else cpu_millis(resources.cpu)) + _cpu_beside(spec),
        memory=(0 if resources.memory is None else byte_count(resources.memory)) + _memory_beside(spec),
        disk=0 if resources.disk is None else byte_count(resources.disk),
        ports=_fixed_ports(spec) if spec.ports else (),
        selector=labels_of(spec.node_selector),
        generic=tuple(sorted((name, count) for name, count in resources.generic.items() if count)),
        rules=rules_of(spec, own),
        strategy=spec.strategy,
        image=_with_tag(spec.image),
        namespace=namespace,
        labels=own,
        priority=spec.priority,
    )


def _cpu_beside(spec: TaskSpec) -> int:
    return sum(cpu_millis(one.resources.cpu) for one in spec.sidecars if one.resources.cpu is not None)


def _memory_beside(spec: TaskSpec) -> int:
    return sum(byte_count(one.resources.memory) for one in spec.sidecars if one.resources.memory is not None)


def _with_tag(image: str) -> str:
    """As nodes name it: they tell of tags. What has a digest as well is mostly what they have under the tag."""
    name, at, _ = image.partition("@")
    if ":" in name.rpartition("/")[2]:
        return name
    return image if at else f"{name}:latest"


def _fixed_ports(spec: TaskSpec) -> tuple[HostPortKey, ...]:
    return tuple(sorted({HostPortKey(port.protocol, port.host) for port in spec.ports if isinstance(port.host, int)}))
