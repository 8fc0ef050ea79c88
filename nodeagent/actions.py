"""What the agent may do next about one task, as data: decide.py returns it; starting, looking and effects do it."""

from __future__ import annotations

from dataclasses import dataclass

from nodeagent.logins import Wish
from nodeagent.names import Run
from nodeagent.situation import Outcome
from taskyard.objects import TaskStatus


@dataclass(frozen=True, slots=True)
class Happening:
    """For the task's events: `reason` for programs, `message` for people."""

    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Inspect these containers (ids or names)."""

    containers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """From now on this is the task's status. It is in the store once a Publish has succeeded."""

    status: TaskStatus
    happening: Happening | None = None
    outcome: Outcome | None = None
    """What is still known about the current attempt after it."""


@dataclass(frozen=True, slots=True)
class Publish:
    status: TaskStatus


@dataclass(frozen=True, slots=True)
class CheckImage:
    """Find out whether the image is on this node."""

    image: str


@dataclass(frozen=True, slots=True)
class Pull:
    """Have the image fetched. Nobody waits for that: the task is asked about again when it ends."""

    wish: Wish


@dataclass(frozen=True, slots=True)
class CreateAndStart:
    """`start` False: its start comes later."""

    run: Run
    start: bool = True


@dataclass(frozen=True, slots=True)
class Start:
    """Start a container that was created before, perhaps by an agent that died then."""

    run: Run
    container: str


@dataclass(frozen=True, slots=True)
class StartSidecar:
    """Beside a task that runs. `container`: the one it has had; empty: there is none, and one is made."""

    run: Run
    container: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Have the watchdog answer for a singleton's container that runs without, or kill it where that cannot be."""

    container: str


@dataclass(frozen=True, slots=True)
class Signal:
    container: str
    signal: str


@dataclass(frozen=True, slots=True)
class Drain:
    """It goes on for a while before it gets its signal: that begins now."""

    container: str


@dataclass(frozen=True, slots=True)
class Remove:
    container: str
    force: bool


@dataclass(frozen=True, slots=True)
class Tidy:
    """Remove volumes and networks that are to go with the task."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do for this many seconds, unless something changes."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Forget:
    """The task has nothing left here."""


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


Action = (
    Look
    | Report
    | Publish
    | CheckImage
    | Drain
    | Pull
    | CreateAndStart
    | Start
    | StartSidecar
    | Hold
    | Signal
    | Remove
    | Tidy
    | Wait
    | Forget
    | Nothing
)
