"""What the agent may do next about one task, as data: decide.py returns it; starting, looking and effects do it."""

from __future__ import annotations

import msgspec

from nodeagent.logins import Wish
from nodeagent.names import Run
from nodeagent.situation import Outcome
from taskyard.objects import TaskStatus


class Happening(msgspec.Struct, frozen=True):
    """For the task's events: `reason` for programs, `message` for people."""

    reason: str
    message: str
    warning: bool = False


class Look(msgspec.Struct, frozen=True):
    """Inspect these containers (ids or names)."""

    containers: tuple[str, ...]


class Report(msgspec.Struct, frozen=True):
    """From now on this is the task's status. It is in the store once a Publish has succeeded."""

    status: TaskStatus
    happening: Happening | None = None
    outcome: Outcome | None = None
    """What is still known about the current attempt after it."""


class Publish(msgspec.Struct, frozen=True):
    status: TaskStatus


class CheckImage(msgspec.Struct, frozen=True):
    """Find out whether the image is on this node."""

    image: str


class Pull(msgspec.Struct, frozen=True):
    """Have the image fetched. Nobody waits for that: the task is asked about again when it ends."""

    wish: Wish


class CreateAndStart(msgspec.Struct, frozen=True):
    """`start` False: its start comes later."""

    run: Run
    start: bool = True


class Start(msgspec.Struct, frozen=True):
    """Start a container that was created before, perhaps by an agent that died then."""

    run: Run
    container: str


class RunHook(msgspec.Struct, frozen=True):
    """Its postStart, in a container of which nobody knows whether it has had it: the agent that started it died, or
    had no answer."""

    container: str


class StartSidecar(msgspec.Struct, frozen=True):
    """Beside a task that runs. `container`: the one it has had; empty: there is none, and one is made."""

    run: Run
    container: str = ""


class Hold(msgspec.Struct, frozen=True):
    """Have the watchdog answer for a singleton's container that runs without, or kill it where that cannot be."""

    container: str


class Signal(msgspec.Struct, frozen=True):
    container: str
    signal: str


class Drain(msgspec.Struct, frozen=True):
    """It goes on for a while before it gets its signal: that begins now."""

    container: str


class Remove(msgspec.Struct, frozen=True):
    container: str
    force: bool


class Tidy(msgspec.Struct, frozen=True):
    """Remove volumes and networks that are to go with the task."""


class Wait(msgspec.Struct, frozen=True):
    """Nothing to do for this many seconds, unless something changes."""

    seconds: float


class Forget(msgspec.Struct, frozen=True):
    """The task has nothing left here."""


class Nothing(msgspec.Struct, frozen=True):
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
    | RunHook
    | StartSidecar
    | Hold
    | Signal
    | Remove
    | Tidy
    | Wait
    | Forget
    | Nothing
)
