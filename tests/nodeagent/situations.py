"""Situations of one task made up for the tests of what the agent does next."""

from __future__ import annotations

from typing import Any

import msgspec

from nodeagent.names import Run
from nodeagent.runtime.port import ContainerInfo, ContainerState, Transferred
from nodeagent.situation import (
    Container,
    Outcome,
    Signalled,
    Situation,
)
from taskyard.clock import timestamp
from taskyard.objects import Assignment, TaskSpec, TaskState, TaskStatus

UID = "0123456789ab"
NOW = 1_700_000_000.0
MONOTONIC = 500.0


def assignment(epoch: int = 1, desired: str = "Running", grace: float | None = None, **spec: Any) -> Assignment:
    return Assignment(
        uid=UID,
        namespace="default",
        name="web",
        epoch=epoch,
        desired="Stopped" if desired == "Stopped" else "Running",
        grace_period=grace,
        spec_hash="h",
        spec=msgspec.convert({"image": "busybox:1.35"} | spec, TaskSpec),
    )


def status(state: TaskState, **changes: Any) -> TaskStatus:
    base = TaskStatus(uid=UID, namespace="default", name="web", epoch=1, attempt=1, state=state)
    return msgspec.structs.replace(base, **changes)


def container(attempt: int = 1, state: str = "running", epoch: int = 1, **changes: Any) -> Container:
    info = ContainerInfo(
        f"c{epoch}{attempt}", f"ty-{UID}-{epoch}-{attempt}", {}, ContainerState(state), started_at=NOW - 5
    )
    return Container(Run(UID, epoch, attempt), msgspec.structs.replace(info, **changes))


STARTING = status(TaskState.STARTING)
RUNNING = status(
    TaskState.RUNNING, container_id="c11", container_name=f"ty-{UID}-1-1", ready=True, started_at=timestamp(NOW - 5)
)
PULLING = status(TaskState.STARTING, reason="Pulling")
PULLING_2 = status(TaskState.STARTING, reason="Pulling", epoch=2)
STOPPING = msgspec.structs.replace(RUNNING, state=TaskState.STOPPING, reason="Unhealthy")
FAILED = msgspec.structs.replace(RUNNING, state=TaskState.FAILED)
WAITING = status(TaskState.STARTING, attempt=2, backoff_step=3, next_attempt_at=timestamp(NOW + 3), reason="BackOff")


def situation(
    wanted: Assignment | None,
    known: TaskStatus | None,
    *containers: Container,
    written: TaskStatus | None = None,
    unsure: tuple[str, ...] = (),
    outcome: Outcome | None = None,
    signalled: dict[str, Signalled] | None = None,
    store_reachable: bool = True,
    fetching: bool = False,
    transferred: Transferred | None = None,
) -> Situation:
    return Situation(
        assignment=wanted,
        status=known,
        written=written or known,
        containers=containers,
        unsure=unsure,
        outcome=outcome,
        signalled=signalled or {},
        ended=None,
        store_reachable=store_reachable,
        fetching=fetching,
        transferred=transferred,
        now=NOW,
        monotonic=MONOTONIC,
    )


TERM = {"c11": Signalled("SIGTERM", MONOTONIC - 4)}
PUT_OFF = {"taskyard/stop-delay": "3"}
OLD_TERM = {"c11": Signalled("SIGTERM", MONOTONIC - 10)}
KILLED = {"c11": Signalled("SIGKILL", MONOTONIC - 1)}
GO, HALT = assignment(), assignment(desired="Stopped")
RUN = Run(UID, 1, 1)
