"""The rules of decide.py one by one: a situation in, the next step out."""

from __future__ import annotations

import msgspec
import pytest

from nodeagent.actions import (
    Action,
    CheckImage,
    CreateAndStart,
    Drain,
    Forget,
    Happening,
    Look,
    Nothing,
    Publish,
    Pull,
    Remove,
    Report,
    Signal,
    Start,
    Wait,
)
from nodeagent.clearing import KILL_PATIENCE
from nodeagent.decide import decide
from nodeagent.logins import Wish
from nodeagent.names import NETWORK, Run
from nodeagent.runtime.port import Transferred
from nodeagent.situation import (
    Container,
    ImageAbsent,
    ImageHere,
    ImagePulled,
    NameTaken,
    PullFailed,
    Signalled,
    Situation,
    StartRefused,
)
from taskyard.clock import timestamp
from taskyard.objects import TaskState
from tests.nodeagent.situations import (
    FAILED,
    GO,
    HALT,
    KILLED,
    MONOTONIC,
    NOW,
    OLD_TERM,
    PULLING,
    PULLING_2,
    PUT_OFF,
    RUN,
    RUNNING,
    STARTING,
    STOPPING,
    TERM,
    UID,
    WAITING,
    assignment,
    container,
    situation,
    status,
)

NEVER_RAN = container(state="created", started_at=0.0)


@pytest.mark.parametrize(
    ("given", "action"),
    [
        pytest.param(situation(GO, RUNNING, container(), unsure=("c11",)), Look(("c11",)), id="looks-first"),
        pytest.param(situation(None, None), Forget(), id="nothing-known"),
        pytest.param(situation(None, RUNNING), Forget(), id="unassigned-and-gone"),
        pytest.param(situation(None, None, container()), Signal("c11", "SIGTERM"), id="unassigned-runs"),
        pytest.param(situation(None, None, container(state="exited")), Remove("c11", False), id="unassigned-ended"),
        pytest.param(situation(None, None, container(), signalled=TERM), Wait(6.0), id="grace-period-runs"),
        pytest.param(
            situation(None, None, container(), signalled=OLD_TERM), Remove("c11", True), id="grace-period-over"
        ),
        pytest.param(
            situation(None, None, container(stop_signal="SIGINT")), Signal("c11", "SIGINT"), id="its-own-stop-signal"
        ),
        pytest.param(
            situation(assignment(2), RUNNING, container()), CheckImage("busybox:1.35"), id="older-epoch-runs-on"
        ),
        pytest.param(
            situation(assignment(2), RUNNING, container(), outcome=ImageHere()),
            Signal("c11", "SIGTERM"),
            id="older-epoch-goes-first",
        ),
        pytest.param(
            situation(assignment(2), RUNNING, container(), outcome=ImageHere(), signalled=TERM),
            Wait(6.0),
            id="older-epoch-ends",
        ),
        pytest.param(
            situation(assignment(2, singleton=True), RUNNING, container()),
            Signal("c11", "SIGTERM"),
            id="older-epoch-of-a-singleton",
        ),
        pytest.param(
            msgspec.structs.replace(situation(assignment(2), RUNNING, container()), held=frozenset({"c11"})),
            Signal("c11", "SIGTERM"),
            id="older-epoch-was-a-singleton",
        ),
        pytest.param(
            situation(assignment(2), RUNNING, container(), signalled=TERM), Wait(6.0), id="older-epoch-was-ended"
        ),
        pytest.param(
            situation(assignment(2), PULLING_2, container(), fetching=True), Nothing(), id="runs-on-while-pulling"
        ),
        pytest.param(
            situation(assignment(2), PULLING_2, container(state="exited"), fetching=True),
            Remove("c11", False),
            id="older-epoch-has-ended",
        ),
        pytest.param(
            situation(assignment(2), PULLING_2, container(), container(epoch=2), fetching=True),
            Signal("c11", "SIGTERM"),
            id="never-two-epochs",
        ),
        pytest.param(
            situation(assignment(2, desired="Stopped"), PULLING_2, container(), fetching=True),
            Signal("c11", "SIGTERM"),
            id="both-are-stopped",
        ),
        pytest.param(situation(HALT, RUNNING, container()), Signal("c11", "SIGTERM"), id="stop"),
        pytest.param(situation(HALT, RUNNING, container(labels=PUT_OFF)), Drain("c11"), id="its-stop-is-put-off"),
        pytest.param(
            situation(HALT, RUNNING, container(labels=PUT_OFF), signalled={"c11": Signalled("", MONOTONIC - 1)}),
            Wait(2.0),
            id="drains",
        ),
        pytest.param(
            situation(HALT, RUNNING, container(labels=PUT_OFF), signalled={"c11": Signalled("", MONOTONIC - 3)}),
            Signal("c11", "SIGTERM"),
            id="drained",
        ),
        pytest.param(
            situation(GO, STOPPING, container(labels=PUT_OFF)), Signal("c11", "SIGTERM"), id="unhealthy-not-put-off"
        ),
        pytest.param(
            situation(msgspec.structs.replace(HALT, grace_period=0.0), RUNNING, container(labels=PUT_OFF)),
            Remove("c11", True),
            id="what-is-forced-is-not-put-off",
        ),
        pytest.param(
            situation(assignment(desired="Stopped", grace=0.0), RUNNING, container()), Remove("c11", True), id="now"
        ),
        pytest.param(
            situation(assignment(desired="Stopped", grace=3.0), RUNNING, container(), signalled=TERM),
            Remove("c11", True),
            id="stop-with-shorter-grace",
        ),
        pytest.param(situation(HALT, FAILED), Nothing(), id="stopped-and-told"),
        pytest.param(situation(GO, STARTING), CreateAndStart(RUN), id="creates"),
        pytest.param(situation(GO, STARTING, container(state="created")), Start(RUN, "c11"), id="starts-the-created"),
        pytest.param(situation(GO, RUNNING, written=STARTING), Publish(RUNNING), id="tells"),
        pytest.param(
            situation(GO, RUNNING, container(), written=STARTING, store_reachable=False), Nothing(), id="tells-later"
        ),
        pytest.param(
            situation(assignment(2), status(TaskState.STARTING, epoch=2), written=FAILED, store_reachable=False),
            Nothing(),
            id="no-container-without-a-durable-intent",
        ),
        pytest.param(situation(GO, RUNNING, container()), Nothing(), id="all-is-well"),
        pytest.param(situation(GO, WAITING), Wait(3.0), id="waits"),
        pytest.param(
            situation(GO, msgspec.structs.replace(WAITING, next_attempt_at=timestamp(NOW))),
            CreateAndStart(Run(UID, 1, 2)),
            id="is-due",
        ),
        pytest.param(
            msgspec.structs.replace(
                situation(GO, msgspec.structs.replace(WAITING, next_attempt_at=timestamp(NOW))), now=NOW - 5e-7
            ),
            CreateAndStart(Run(UID, 1, 2)),
            id="is-due-as-far-as-seconds-tell",
        ),
        pytest.param(
            situation(GO, msgspec.structs.replace(WAITING, next_attempt_at=timestamp(NOW + 3600))),
            CreateAndStart(Run(UID, 1, 2)),
            id="the-clock-was-set-back",
        ),
        pytest.param(situation(GO, PULLING), Pull(Wish("busybox:1.35")), id="pulls"),
        pytest.param(situation(GO, PULLING, fetching=True), Nothing(), id="is-told-when-the-pull-ends"),
        pytest.param(
            situation(assignment(pullPolicy="Always"), STARTING, outcome=ImagePulled(1.0)),
            CreateAndStart(RUN),
            id="pulled",
        ),
        pytest.param(situation(GO, STOPPING, container()), Signal("c11", "SIGTERM"), id="stops-the-unhealthy"),
        pytest.param(
            situation(GO, STOPPING, container(), signalled=OLD_TERM), Signal("c11", "SIGKILL"), id="kills-the-unhealthy"
        ),
        pytest.param(situation(GO, STOPPING, container(), signalled=KILLED), Wait(9.0), id="waits-for-the-kill"),
        pytest.param(
            situation(GO, FAILED, container()), Signal("c11", "SIGTERM"), id="what-is-over-does-not-run"
        ),
        pytest.param(situation(GO, FAILED, container(state="exited")), Nothing(), id="over-and-kept-for-its-logs"),
        pytest.param(
            situation(GO, WAITING, container()), Signal("c11", "SIGTERM"), id="no-two-attempts-at-once"
        ),
        pytest.param(
            situation(
                GO,
                msgspec.structs.replace(RUNNING, attempt=3, container_id="c13"),
                container(1, "exited"), container(2, "exited"), container(3),
            ),
            Remove("c11", False),
            id="old-attempts-go",
        ),
        pytest.param(
            situation(GO, WAITING, NEVER_RAN), Remove("c11", False), id="what-never-ran-has-no-log"
        ),
        pytest.param(
            situation(GO, WAITING, NEVER_RAN, store_reachable=False),
            Wait(3.0),
            id="what-never-ran-tells-of-its-attempt",
        ),
        pytest.param(
            situation(GO, FAILED, NEVER_RAN), Remove("c11", False), id="over-before-it-ran"
        ),
    ],
)  # fmt: skip
def test_next_step(given: Situation, action: Action) -> None:
    assert decide(given) == action


@pytest.mark.parametrize(
    ("given", "state", "reason", "attempt"),
    [
        pytest.param(situation(GO, None), TaskState.STARTING, "Starting", 1, id="intent"),
        pytest.param(situation(assignment(2), FAILED), TaskState.STARTING, "Starting", 1, id="intent-of-a-new-epoch"),
        pytest.param(situation(GO, None, container(4)), TaskState.STARTING, "Starting", 4, id="status-was-lost"),
        pytest.param(situation(GO, RUNNING, container(2)), TaskState.STARTING, "Starting", 2, id="catches-up"),
        pytest.param(situation(GO, STARTING, container()), TaskState.RUNNING, "", 1, id="adopts-what-runs"),
        pytest.param(
            situation(GO, RUNNING, container(health="healthy")), TaskState.RUNNING, "", 1, id="health-changed"
        ),
        pytest.param(
            situation(GO, RUNNING, container(health="unhealthy")), TaskState.STOPPING, "Unhealthy", 1, id="unhealthy"
        ),
        pytest.param(
            situation(GO, RUNNING, container(state="exited", exit_code=1)), TaskState.STARTING, "BackOff", 2, id="exit"
        ),
        pytest.param(
            situation(assignment(restart={"policy": "never"}), STOPPING, container(state="exited", exit_code=0)),
            TaskState.FAILED, "Unhealthy", 1, id="an-unhealthy-end-is-a-failure",
        ),
        pytest.param(situation(GO, RUNNING), TaskState.STARTING, "BackOff", 2, id="container-gone"),
        pytest.param(
            situation(assignment(restart={"policy": "never"}), RUNNING),
            TaskState.FAILED, "ContainerGone", 1, id="container-gone-for-good",
        ),
        pytest.param(
            situation(GO, STARTING, outcome=NameTaken("taken")), TaskState.STARTING, "NameTaken", 1, id="name-taken"
        ),
        pytest.param(
            situation(GO, STARTING, outcome=StartRefused("no")), TaskState.STARTING, "BackOff", 2, id="start-refused"
        ),
        pytest.param(
            situation(GO, STARTING, outcome=PullFailed("no")), TaskState.STARTING, "ImagePullBackOff", 1, id="no-image"
        ),
        pytest.param(
            situation(assignment(pullPolicy="Never"), STARTING, outcome=ImageAbsent()),
            TaskState.STARTING, "ImageMissing", 1, id="image-may-not-be-pulled",
        ),
        pytest.param(
            situation(GO, STARTING, outcome=ImageAbsent()), TaskState.STARTING, "Pulling", 1, id="image-is-missing"
        ),
        pytest.param(
            situation(assignment(pullPolicy="Always"), STARTING), TaskState.STARTING, "Pulling", 1, id="pulls-always"
        ),
        pytest.param(
            situation(GO, PULLING, outcome=ImagePulled(1.0)), TaskState.STARTING, "Starting", 1, id="pulled-and-told"
        ),
        pytest.param(
            situation(assignment(2), RUNNING, container(3), outcome=ImageAbsent()),
            TaskState.STARTING, "Starting", 1, id="intent-while-the-version-before-runs",
        ),
        pytest.param(situation(HALT, PULLING, fetching=True), TaskState.COMPLETED, "Stopped", 1, id="no-image-needed"),
        pytest.param(situation(HALT, RUNNING), TaskState.COMPLETED, "Stopped", 1, id="stopped"),
    ],
)  # fmt: skip
def test_next_report(given: Situation, state: TaskState, reason: str, attempt: int) -> None:
    action = decide(given)
    assert isinstance(action, Report)
    assert (action.status.state, action.status.reason, action.status.attempt) == (state, reason, attempt)
    assert action.status.epoch == (given.assignment.epoch if given.assignment else 0)


@pytest.mark.parametrize(
    ("ended_ago", "containers", "action"),
    [
        pytest.param(100, (container(state="exited"),), Wait(3500.0), id="kept for its log"),
        pytest.param(3600, (container(state="exited"),), Remove("c11", force=False), id="long enough"),
        pytest.param(
            3600, (container(1, "exited"), container(2, "exited")), Remove("c11", force=False), id="the older first"
        ),
        pytest.param(3600, (), Nothing(), id="gone already"),
    ],
)
def test_containers_of_a_task_that_is_over_are_kept_for_a_while(
    ended_ago: float, containers: tuple[Container, ...], action: Action
) -> None:
    over = msgspec.structs.replace(FAILED, attempt=2, finished_at=timestamp(NOW - ended_ago))
    assert decide(msgspec.structs.replace(situation(assignment(), over, *containers), keep_ended=3600.0)) == action


def test_how_much_of_an_image_has_come_is_told_once() -> None:
    come = Transferred(30 * 2**20, 120 * 2**20)
    message = "fetching image busybox:1.35"
    begun = msgspec.structs.replace(PULLING, message=message)
    report = decide(situation(GO, begun, fetching=True, transferred=come))
    assert isinstance(report, Report)
    assert report.status.message == f"{message}: 30.0 of 120.0 MiB have come"
    assert report.happening == Happening("Pulling", report.status.message)
    assert decide(situation(GO, report.status, fetching=True, transferred=come)) == Nothing()
    later = decide(situation(GO, report.status, fetching=True, transferred=Transferred(60 * 2**20, 120 * 2**20)))
    assert isinstance(later, Report)
    assert later.status.message == f"{message}: 60.0 of 120.0 MiB have come"


def test_attempts_that_could_not_be_written_lengthen_the_next_wait() -> None:
    known = msgspec.structs.replace(RUNNING, attempt=2, restarts=1, backoff_step=1)
    action = decide(situation(GO, known, container(1, "exited"), container(4)))
    assert isinstance(action, Report)
    assert (action.status.attempt, action.status.restarts, action.status.backoff_step) == (4, 3, 3)


def test_what_holds_the_network_is_killed_at_once_but_not_over_and_over() -> None:
    wanted = assignment(sidecars=[{"name": "proxy"}])
    known = msgspec.structs.replace(RUNNING, ready=False, message="it has ended; its sidecars are being stopped")
    ended = container(state="exited", exit_code=0, finished_at=NOW - 3)
    holder = Container(Run(UID, 1, 1, NETWORK), msgspec.structs.replace(container().info, id="net"))
    assert decide(situation(wanted, known, holder, ended)) == Signal("net", "SIGKILL")
    killed = {"net": Signalled("SIGKILL", MONOTONIC)}
    assert decide(situation(wanted, known, holder, ended, signalled=killed)) == Wait(KILL_PATIENCE)
