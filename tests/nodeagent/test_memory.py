"""What an agent takes over of what is written, where it remembers something else."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from nodeagent.memory import TaskMemory, refresh
from taskyard import keys
from taskyard.clock import ManualClock
from taskyard.objects import Assignment, SidecarStatus, TaskSpec, TaskState, TaskStatus, encode
from taskyard.store.api import Put
from taskyard.store.informer import Informer
from taskyard.store.memory import MemoryStore

UID = "0123456789ab"


def status(state: TaskState, attempt: int = 1) -> TaskStatus:
    return TaskStatus(uid=UID, namespace="default", name="web", epoch=2, attempt=attempt, state=state)


@pytest.mark.parametrize(
    ("written", "remembered", "taken"),
    [
        pytest.param(status(TaskState.COMPLETED), status(TaskState.FAILED), True, id="two-ends"),
        pytest.param(status(TaskState.COMPLETED), status(TaskState.RUNNING), True, id="further-on"),
        pytest.param(status(TaskState.RUNNING), status(TaskState.FAILED), False, id="not-written-yet"),
        pytest.param(
            status(TaskState.RUNNING), replace(status(TaskState.STARTING), restarts=2), True, id="other-restarts"
        ),
        pytest.param(status(TaskState.COMPLETED), status(TaskState.FAILED, attempt=2), False, id="the-next-attempt"),
    ],
)
def test_of_what_two_hosts_say_of_an_attempt_the_one_that_is_written_counts(
    written: TaskStatus, remembered: TaskStatus, taken: bool
) -> None:
    """Another host's agent had the node's name meanwhile, and its container runs or has ended; here there is none."""
    memory = refreshed(written, remembered)
    assert memory.status == (written if taken else remembered)


@pytest.mark.parametrize("field", ["started_at", "finished_at", "next_attempt_at", "sidecars"])
def test_what_somebody_wrote_with_a_moment_that_is_none_counts_as_missing(field: str) -> None:
    bad = [SidecarStatus(name="log", state="BackOff", next_start_at="soon")] if field == "sidecars" else "soon"
    memory = refreshed(replace(status(TaskState.COMPLETED), **{field: bad}), None)
    assert (memory.written, memory.status) == (None, None)
    assert memory.written_revision > 0


def refreshed(written: TaskStatus, remembered: TaskStatus | None) -> TaskMemory:
    clock = ManualClock()
    store = MemoryStore(clock)
    assignment = Assignment(
        uid=UID, namespace="default", name="web", epoch=2, spec_hash="0" * 16, spec=TaskSpec(image="busybox:1.35")
    )
    store.commit(
        [], [Put(keys.assignment("n1", UID), encode(assignment)), Put(keys.status("n1", UID), encode(written))]
    )
    informer = Informer(store, keys.node_prefix("n1"), clock)
    informer.sync()
    memory = TaskMemory(UID, assignment=assignment, status=remembered)
    refresh(memory, informer, "n1")
    return memory
