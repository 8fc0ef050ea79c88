"""All that a decision about one task on this node rests on, as plain data. Built by the agent, read by decide.py."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from nodeagent.checks.state import NO_CHECKS, Verdict
from nodeagent.names import Run
from nodeagent.runtime.port import ContainerInfo, ContainerState, Transferred
from taskyard.objects import Assignment, TaskStatus
from taskyard.objects.status import IMAGE_UNFETCHED


class Container(msgspec.Struct, frozen=True, gc=False):
    """A container of ours and the run that it belongs to."""

    run: Run
    info: ContainerInfo

    @property
    def running(self) -> bool:
        return self.info.state is ContainerState.RUNNING


class ImageAbsent(msgspec.Struct, frozen=True, gc=False):
    pass


class ImageHere(msgspec.Struct, frozen=True, gc=False):
    """It is on this node; nothing was fetched."""


class ImagePulled(msgspec.Struct, frozen=True, gc=False):
    """`seconds`: how long that took, the wait for other pulls included."""

    seconds: float


class PullFailed(msgspec.Struct, frozen=True, gc=False):
    message: str
    reason: str = IMAGE_UNFETCHED
    """For the status."""


class StartRefused(msgspec.Struct, frozen=True, gc=False):
    """The container could not be created or started, and trying again at once would end the same."""

    message: str
    reason: str = "StartFailed"
    """For the status."""


class HookRan(msgspec.Struct, frozen=True, gc=False):
    """Its postStart hook has succeeded, and that it runs is told next."""


class NameTaken(msgspec.Struct, frozen=True, gc=False):
    message: str


class NotYet(msgspec.Struct, frozen=True, gc=False):
    """Something that the container needs is not there; the attempt goes on when it may be."""

    reason: str
    message: str


class SidecarFailed(msgspec.Struct, frozen=True, gc=False):
    """It could not be started beside a task that runs."""

    step: int
    message: str


class SidecarImageAbsent(msgspec.Struct, frozen=True, gc=False):
    """The same, for want of its image."""

    step: int


Outcome = (
    ImageAbsent
    | ImageHere
    | ImagePulled
    | PullFailed
    | StartRefused
    | HookRan
    | NameTaken
    | NotYet
    | SidecarFailed
    | SidecarImageAbsent
)


class Signalled(msgspec.Struct, frozen=True, gc=False):
    """The last signal that the agent sent a container, and when (monotonic seconds). No signal: it is only drained."""

    signal: str
    at: float


class Situation(msgspec.Struct, frozen=True):
    """`status` is the agent's latest word, `written` what the store has of it; they differ while a write is due."""

    assignment: Assignment | None
    status: TaskStatus | None
    written: TaskStatus | None
    containers: tuple[Container, ...]
    """All of this task's, oldest run first."""
    unsure: tuple[str, ...]
    """Ids or names of containers that may have changed since they were looked at."""
    outcome: Outcome | None
    """What came of the last try at the current attempt, until it has been reported."""
    signalled: Mapping[str, Signalled]
    """By container id."""
    ended: ContainerInfo | None
    """The last container that was seen ended; it may be removed by now."""
    store_reachable: bool
    now: float
    """Seconds since the epoch."""
    monotonic: float
    held: frozenset[str] = frozenset()
    """Ids of containers that the watchdog answers for; `condemned` are those that it had to kill."""
    condemned: frozenset[str] = frozenset()
    fetching: bool = False
    """Its image is being pulled, or waits for its turn."""
    transferred: Transferred | None = None
    """How much of it has come; told now and then."""
    runs_on: bool = False
    """A container of the version before is up, and stays so until the new one's image is here."""
    belongings: bool = False
    """There may be volumes or a network on the node that are to go with the task."""
    checks: Verdict = NO_CHECKS
    """Of the container that runs."""
    checks_beside: Mapping[int, Verdict] = {}
    """Of the sidecars that have checks, by step."""
    keep_ended: float = math.inf
    """Seconds that the containers of a task that is over are kept, for their logs."""
    kept: bool = False
    """The assignment went with the data of the store, at nobody's wish: its containers are left alone."""

    outdated: str = ""
    """Which Secret or Config has changed since the container got its files, when it is to be restarted for that."""

    @property
    def run(self) -> Run | None:
        """The attempt that the status speaks of."""
        return Run(self.status.uid, self.status.epoch, self.status.attempt) if self.status else None

    @property
    def current(self) -> Container | None:
        """That attempt's container."""
        if not self.containers:
            return None
        run = self.run
        return next((one for one in self.containers if one.run == run), None)
