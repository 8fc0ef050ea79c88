"""What may become of a task that was put by hand once it is completed: judged by what the store holds.

Pure, and without a memory.
"""

from __future__ import annotations

from simulator.allowed import stated
from simulator.mirror import Mirror
from simulator.story import Violation
from taskyard.objects import Metadata, Task
from taskyard.objects.normal import normalize


def check_completed(old: Task, new: Task, mirror: Mirror) -> None:
    """The user's part stays, in one spelling, and what ran under its name runs on."""
    name, uid = new.metadata.name, new.metadata.uid
    kept = normalize(old.spec) == stated(new.spec, new.metadata.defaulted)
    if not kept or _users(old.metadata) != _users(new.metadata) or old.metadata.uid not in ("", uid):
        raise Violation(f"the intake changed what was put of {name}", uid)
    if new.binding is not None and new.binding != old.binding:
        held = mirror.assignments.get(new.binding.node, {}).get(uid)
        if held is None or held.epoch != new.binding.epoch:
            raise Violation(f"the intake bound {name} to {new.binding.node}, where it is not assigned", uid)
    if old.binding is not None and new.binding is None and old.metadata.uid:
        raise Violation(f"the intake lost the binding of {name}", uid)


def _users(metadata: Metadata) -> tuple[object, ...]:
    return metadata.name, metadata.namespace, metadata.labels, metadata.annotations, metadata.deletion_timestamp
