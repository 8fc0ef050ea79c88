"""Failpoints: what the variable may say, when a point acts, and that every write of the protocol is at one."""

from __future__ import annotations

import pytest

from taskyard import keys
from taskyard.clock import ManualClock
from taskyard.failpoints import BadFailpoints, Failed, Failpoints, Plan, names, parse
from taskyard.objects import TaskState, TaskStatus, encode
from taskyard.store.api import Delete, Operation, OutcomeUnknown, Put
from taskyard.store.memory import MemoryStore
from taskyard.store.pointed import AGENT_EFFECTS, PLANE_EFFECTS, PointedStore, effect_of

KNOWN = names(["agent.start", "agent.create"])


def status(state: TaskState) -> bytes:
    return encode(TaskStatus(uid="u", namespace="default", name="web", epoch=1, state=state))


@pytest.mark.parametrize(
    ("text", "plans"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("agent.start.after=kill", {"agent.start.after": Plan("kill")}, id="one"),
        pytest.param(
            "agent.start.after=stop,skip=2; agent.create.before=sleep=1.5,times=3",
            {"agent.start.after": Plan("stop", skip=2), "agent.create.before": Plan("sleep", 1.5, times=3)},
            id="several with options",
        ),
    ],
)
def test_what_it_may_say(text: str, plans: dict[str, Plan]) -> None:
    assert parse(text, KNOWN) == plans


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("agent.stop.after=kill", "there are agent.create.before, agent.create.after", id="unknown point"),
        pytest.param("agent.start=kill", "no point 'agent.start'", id="neither before nor after"),
        pytest.param("agent.start.after=explode", "an action is kill", id="unknown action"),
        pytest.param("agent.start.after=sleep", "sleep=SECONDS", id="sleep without seconds"),
        pytest.param("agent.start.after=kill=1", "an action is kill", id="kill with seconds"),
        pytest.param("agent.start.after=kill,skip=x", ",skip=N", id="not a number"),
        pytest.param("agent.start.after=kill,when=1", ",skip=N", id="unknown option"),
    ],
)
def test_what_it_may_not_say(text: str, said: str) -> None:
    with pytest.raises(BadFailpoints, match=said):
        parse(text, KNOWN)


def test_a_point_acts_after_those_it_skips_and_as_often_as_asked() -> None:
    points = Failpoints(parse("agent.start.after=error,skip=1,times=2", KNOWN))
    acted = []
    for _ in range(5):
        try:
            points.hit("agent.start.after")
            acted.append(False)
        except Failed:
            acted.append(True)
        points.hit("agent.start.before")
    assert acted == [False, True, True, False, False]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_error_loses_the_request_or_the_answer(moment: str) -> None:
    inner = MemoryStore(ManualClock())
    store = PointedStore(inner, Failpoints(parse(f"api.write.{moment}=error", names(PLANE_EFFECTS))), PLANE_EFFECTS)
    key = keys.task("default", "web")
    with pytest.raises(OutcomeUnknown):
        store.commit([], [Put(key, b"{}")])
    assert (inner.get(key) is not None) == (moment == "after")


@pytest.mark.parametrize(
    ("operations", "effect"),
    [
        pytest.param([Put(keys.task("default", "web"), b"")], "api.write", id="apply"),
        pytest.param([Delete(keys.task("default", "web"))], "api.write", id="delete of an unbound task"),
        pytest.param(
            [
                Put(keys.task("default", "web"), b""),
                Put(keys.assignment("n1", "u"), b""),
                Delete(keys.status("n2", "u")),
            ],
            "scheduler.bind",
            id="binding",
        ),
        pytest.param([Put(keys.assignment("n1", "u"), b"")], "tasks.stop", id="stopping"),
        pytest.param(
            [Delete(keys.task("default", "web")), Delete(keys.assignment("n1", "u"))], "tasks.remove", id="finalising"
        ),
        pytest.param([Delete(keys.assignment("n1", "u"))], "tasks.remove", id="orphaned assignment"),
        pytest.param([Put(keys.status("n1", "u"), status(TaskState.STARTING))], "agent.intent", id="intent"),
        pytest.param([Put(keys.status("n1", "u"), status(TaskState.RUNNING))], "agent.status", id="status"),
        pytest.param([Put(keys.node_lease("n1"), b"")], "agent.register", id="registration"),
        pytest.param([Put(keys.node_stats("n1"), b"")], "agent.stats", id="stats"),
        pytest.param([Put(keys.leader("scheduler"), b"")], "leader.campaign", id="campaign"),
    ],
)
def test_a_write_is_told_by_its_keys(operations: list[Operation], effect: str) -> None:
    assert effect_of(operations) == effect
    assert effect in AGENT_EFFECTS + PLANE_EFFECTS
