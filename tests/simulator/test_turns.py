"""Who may wait once all has settled: not who has room, or would have that of less important ones, unless it is kept."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from simulator.checker import Checker
from simulator.fitting import obstacles
from simulator.story import Violation
from simulator.turns import check_turn
from taskyard import keys
from taskyard.objects import (
    Amounts,
    Assignment,
    Gang,
    Metadata,
    Namespace,
    NamespaceSpec,
    NodeLease,
    Quota,
    Task,
    TaskSpec,
    encode,
)
from taskyard.store.api import Entry
from tests.support.plane import GI, a_spec, a_task


def a_checker(*gang: Task, allowed: str | None) -> Checker:
    """Of one node with 4 GiB, on which another task of the namespace has one; the gang waits."""
    checker = Checker(lambda: 0.0)
    held = Assignment(uid="u0", namespace="default", name="other", epoch=1, spec_hash="", spec=a_spec(memory="1Gi"))
    lease = NodeLease(
        incarnation="i", host_id="h", address="", capacity=Amounts(cpu_millis=4000, memory_bytes=4 * GI, disk_bytes=GI)
    )
    checker.mirror.put(keys.node_lease("n01"), encode(lease))
    checker.mirror.put(keys.assignment("n01", "u0"), encode(held))
    for task in gang:
        checker.mirror.put(keys.task("default", task.metadata.name), encode(task))
    quota = Namespace(metadata=Metadata(name="default"), spec=NamespaceSpec(quota=Quota(memory=allowed)))
    checker.contention.note_namespace("namespaces/default", Entry("namespaces/default", encode(quota), 1, 1), 0.0)
    return checker


def a_gang(*memory: str) -> list[Task]:
    gang = Gang(name="g", size=len(memory))
    return [
        a_task(f"t{number}", f"u{number}", replace(a_spec(memory=each), gang=gang))
        for number, each in enumerate(memory, start=1)
    ]


def check(gang: list[Task], allowed: str | None) -> None:
    checker = a_checker(*gang, allowed=allowed)
    quota = checker.contention.quota("default")
    check_turn(gang[0], checker, ["n01"], [obstacles(checker.mirror, gang[0], "n01", quota)])


@pytest.mark.parametrize("allowed", [pytest.param(None, id="no quota"), pytest.param("3Gi", id="just so much")])
def test_a_gang_does_not_wait_that_has_room(allowed: str | None) -> None:
    with pytest.raises(Violation, match="t1 waits although n01 has room for its whole gang"):
        check(a_gang("1Gi", "1Gi"), allowed)


def test_a_gang_waits_that_is_beyond_its_quota_only_as_a_whole() -> None:
    check(a_gang("1Gi", "1Gi"), "2500Mi")


def test_a_gang_waits_for_which_the_node_has_no_room() -> None:
    check(a_gang("2Gi", "2Gi"), None)


def check_alone(task: Task, *there: Task, spec: TaskSpec | None = None) -> None:
    """Beside 1 GiB of priority 0 and 2 GiB of priority 5; `spec`: with which it runs already."""
    checker = a_checker(*there, task, allowed=None)
    assigned = [("u8", a_spec(memory="2Gi", priority=5)), *([(task.metadata.uid, spec)] if spec is not None else [])]
    for uid, each in assigned:
        held = Assignment(uid=uid, namespace="default", name=uid, epoch=1, spec_hash="", spec=each)
        checker.mirror.put(keys.assignment("n01", uid), encode(held))
    task, quota = checker.mirror.tasks[keys.task("default", task.metadata.name)], checker.contention.quota("default")
    check_turn(task, checker, ["n01"], [obstacles(checker.mirror, task, "n01", quota)])


LARGE = a_task("large", "u9", a_spec(memory="4Gi", priority=5))
LESS = a_task("less", "u9", a_spec(memory="4Gi", priority=4))


@pytest.mark.parametrize("there", [pytest.param((), id="alone"), pytest.param((LESS,), id="kept for one of less")])
def test_no_task_waits_where_less_important_ones_run_in_its_place(there: tuple[Task, ...]) -> None:
    with pytest.raises(Violation, match="t1 waits although tasks of lower priority run on n01 in its place"):
        check_alone(a_task("t1", "u1", a_spec(memory="2Gi", priority=5)), *there)


def test_a_task_waits_where_the_room_of_less_important_ones_is_kept_for_another() -> None:
    check_alone(a_task("t1", "u1", a_spec(memory="2Gi", priority=5)), LARGE)


def test_a_task_waits_where_one_that_waits_itself_says_how_many_have_to_be_left() -> None:
    budget = a_task("t2", "u2", replace(a_spec(memory="4Gi"), min_available=1))
    check_alone(a_task("t1", "u1", a_spec(memory="2Gi", priority=5)), budget)


def test_a_task_that_needs_no_more_than_it_has_does_not_wait_for_room_that_is_kept() -> None:
    edited, had = a_task("t1", "u1", a_spec(memory="512Mi", priority=5)), a_spec(memory="1Gi", priority=5)
    with pytest.raises(Violation, match="t1 waits although n01 has room for it"):
        check_alone(edited, LARGE, spec=had)
    check_alone(edited, LARGE, spec=a_spec(memory="256Mi", priority=5))
