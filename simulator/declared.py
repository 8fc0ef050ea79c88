"""The template that a service's task was made of, as far as its spec tells: without what its slot and its time add."""

from __future__ import annotations

from msgspec.structs import replace

from simulator.digests import bare
from taskyard.objects import NODE_NAME, Task, TaskSpec
from taskyard.objects.service import SLOT

_DATA = "data-version"
"""The container label of tasks whose service follows Secrets and Configs."""


def without_node(task: Task) -> TaskSpec:
    """One for each node has to be on its node. Nor is there a digest, by which a task may name its image."""
    slot = task.metadata.labels.get(SLOT)
    others = [each for each in task.spec.constraints if (each.key, each.value) != (NODE_NAME, slot)]
    return bare(replace(task.spec, constraints=others))


def without_data(spec: TaskSpec) -> TaskSpec:
    return replace(spec, container_labels={k: v for k, v in spec.container_labels.items() if k != _DATA})


def as_declared(task: Task) -> TaskSpec:
    return without_data(without_node(task))
