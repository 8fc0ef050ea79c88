"""Rules that no component breaks, and none can yet: tried on histories made by hand."""

from __future__ import annotations

import pytest

from nodeagent.runtime.port import ContainerInfo, ContainerState
from simulator.checker import Checker
from simulator.conditions import Closed
from simulator.fitting import wrong_reason
from simulator.mirror import Mirror
from simulator.past import Past
from simulator.story import Violation
from simulator.writes import BURST, QUIET, WINDOW, Writes
from taskyard import keys
from taskyard.objects import Assignment, Binding, Maintenance, Metadata, NodeSpec, Task
from taskyard.store.api import Delete, KeyEvent, Operation, Put
from taskyard.store.history import History
from tests.support.plane import a_spec

UID = "0123456789ab"
RESULT = keys.result(UID)


@pytest.fixture
def checker() -> Checker:
    return Checker(lambda: 0.0)


def tell(checker: Checker, history: History, operation: Operation) -> tuple[KeyEvent, ...]:
    events = history.apply([operation])
    checker.apply(events, "agent-n01/loop")
    return events


@pytest.mark.parametrize(
    "again", [pytest.param(Put(RESULT, b"{}"), id="written again"), pytest.param(Delete(RESULT), id="deleted")]
)
def test_a_result_is_written_once(checker: Checker, again: Operation) -> None:
    history = History()
    history.apply([Put(RESULT, b"{}")])
    checker.past.results.add(UID)
    checker.mirror.by_uid[UID] = "of its task"
    with pytest.raises(Violation, match=UID):
        tell(checker, history, again)


def test_components_may_not_write_one_object_again_and_again() -> None:
    writes = Writes()
    for number in range(BURST):
        writes.note("k", "cp1-1/tasks", number * 0.1)
        writes.note("k", "user", number * 0.1)
    for _ in range(BURST):
        writes.note("k", "cp1-1/tasks", BURST * 0.1 + WINDOW)
    with pytest.raises(Violation, match="31 times"):
        writes.note("k", "cp1-1/tasks", BURST * 0.1 + WINDOW)


def test_what_is_not_restless_is_not_written_while_nothing_happens() -> None:
    writes = Writes()
    writes.note("tasks/web", "agent-n01/loop", 0.0)
    writes.still_from_now()
    for _ in range(QUIET + 1):
        writes.note("status/web", "agent-n01/loop", 1.0)
    writes.check_still({"web"})
    with pytest.raises(Violation, match="while nothing happened"):
        writes.check_still(set())


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        pytest.param("0 of 2 nodes fit: 1 cordoned (n1), 1 too little cpu (n2 needs 1 more)", "", id="true"),
        pytest.param("0 of 2 nodes fit: 1 cordoned (n1)", "1 too little cpu", id="left out"),
        pytest.param("0 of 2 nodes fit: 2 cordoned (n1, n2), 1 too little cpu (n2)", "1 cordoned", id="too many"),
        pytest.param("0 of 2 nodes fit: 1 cordoned, 1 too little cpu, 1 tainted", "0 tainted", id="made up"),
    ],
)
def test_a_reason_is_held_against_the_obstacles(message: str, wrong: str) -> None:
    assert wrong_reason(message, [{"cordon"}, {"cpu"}]) == wrong


def test_a_restore_takes_back_what_was_said_of_a_node() -> None:
    closed, task = (
        Closed(),
        Task(metadata=Metadata(name="web"), spec=a_spec(), binding=Binding(node="n01", epoch=1, spec_hash="")),
    )
    worked_on = NodeSpec(metadata=Metadata(name="n01"), maintenance=Maintenance(until=""))
    closed.note("n01", None, worked_on, 0.0)
    closed.restored({}, {}, 10.0)
    closed.check_bound(task, 16.0)
    closed.restored({}, {"n01": worked_on}, 20.0)
    closed.check_bound(task, 30.0)
    with pytest.raises(Violation, match=r"maintenance for 16\.0 s"):
        closed.check_bound(task, 36.0)


@pytest.mark.parametrize(
    ("frozen", "forgiven"),
    [
        pytest.param({}, False, id="it has heard"),
        pytest.param({"n01": 49.0}, True, id="it may have been cut off, and was frozen then"),
        pytest.param({"n01": 51.0}, False, id="it had heard when it was frozen"),
    ],
)
def test_who_was_frozen_when_it_was_told_to_stop_a_task_may_keep_it(frozen: dict[str, float], forgiven: bool) -> None:
    past, held = Past(), Assignment(uid=UID, namespace="default", name="web", epoch=1, spec_hash="", spec=a_spec())
    past.taken_away("n01", held, 10.0)
    past.restore(Mirror([]), Mirror([]), 60.0, frozen)
    container = ContainerInfo("c1", f"ty-{UID}-1-1", {}, ContainerState.RUNNING)
    assert past.may_be_left("n01", UID, container) is forgiven
