"""What users do, drawn from the seed: they apply, edit and delete through the API's own service, at any moment.

They keep no record: the checker reads the store's history, where every change of theirs is told as theirs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from random import Random

from controlplane.api.problem import ApiError
from nodeagent.runtime.fake import Program
from simulator.driver import Crash
from simulator.plane import PlaneProcess
from taskyard.objects import Metadata, Port, Resources, Restart, Stop, Task, TaskSpec
from taskyard.objects.normal import normalize
from taskyard.store.api import StoreError

PROGRAMS: Mapping[tuple[str, ...], Program] = {
    ("serve",): Program(),
    ("job",): Program(runs=20.0),
    ("crash",): Program(runs=3.0, exit_code=1),
    ("stubborn",): Program(ignores=frozenset({"SIGTERM"})),
    ("refused",): Program(refuses_to_start="no such command"),
}
_KINDS = ("serve",) * 12 + ("job",) * 3 + ("crash",) * 2 + ("stubborn",) * 2 + ("refused",)


def drawn_spec(random: Random, name: str) -> TaskSpec:
    """Whether it is a singleton hangs on its name, so that edits do not change it."""
    singleton = int(name[1:]) % 4 == 0
    kind = random.choice(_KINDS)
    restart = Restart(max_restarts=2 if kind == "crash" and random.random() < 0.5 else None)
    if kind == "job":
        restart = random.choice((Restart(policy="on-failure"), Restart(policy="never")))
    hopeless = random.random() < 0.03
    return normalize(
        TaskSpec(
            image="busybox:1.35",
            args=[kind],
            env={"VERSION": str(random.randrange(1000))},
            resources=Resources(
                cpu="6" if hopeless else random.choice(("100m", "250m", "500m", "1")),
                memory=random.choice(("64Mi", "256Mi", "512Mi")),
            ),
            ports=[Port(container=80, host=8000 + random.randrange(6))] if random.random() < 0.1 else [],
            restart=restart,
            singleton=singleton,
            stop=Stop(grace_period=random.choice(("0s", "2s", "5s"))),
        )
    )


class Users:
    def __init__(
        self,
        drawn: Callable[[str], Random],
        tasks: int,
        planes: Callable[[], Sequence[PlaneProcess]],
        note: Callable[[str], None],
        crashed: Callable[[PlaneProcess], None],
        only: frozenset[int] | None = None,
    ) -> None:
        """`planes`: those that can be asked now; `crashed` is told of one that is killed while it answers; `only`: the
        numbers of the requests that are made, None for all."""
        self._drawn = drawn
        self._times = drawn("request times")
        self._only = only
        self.asked = 0
        """How many requests have had their turn, other than in a rush."""
        self._names = [f"t{number:03d}" for number in range(tasks)]
        self._recent: deque[str] = deque(maxlen=3)
        """Whose tasks are likely to be in the middle of something."""
        self._planes = planes
        self._note = note
        self._crashed = crashed

    def rush(self, random: Random) -> None:
        """Several requests at once, most of them about what was asked for last."""
        for _ in range(4):
            recent = bool(self._recent) and random.random() < 0.7
            self._ask(random, random.choice(self._recent if recent else self._names))

    def act(self) -> float:
        """One request; seconds until the next. Everybody applies at first, and edits later."""
        number, self.asked = self.asked, self.asked + 1
        fresh = number < len(self._names)
        if self._only is None or number in self._only:
            random = self._drawn(f"requests/{number}")
            self._ask(random, self._names[number] if fresh else random.choice(self._names), fresh=fresh)
        return self._times.expovariate(10.0 if fresh else len(self._names) / 60.0)

    def _ask(self, random: Random, name: str, *, fresh: bool = False) -> None:
        planes = self._planes()
        if not planes:
            return
        plane = random.choice(planes)
        before, plane.store.who = plane.store.who, "user"
        try:
            self._recent.append(name)
            if fresh:
                spec = drawn_spec(random, name)
                self._try(f"apply {name}", lambda: plane.tasks.write(_task(name, spec)))
            else:
                self._change(random, plane, name)
        except Crash:
            plane.kill()
            self._crashed(plane)
        plane.store.who = before

    def _change(self, random: Random, plane: PlaneProcess, name: str) -> None:
        what = random.random()
        if what < 0.35:
            grace = random.choice((None, None, 0.0, 1.0))
            self._try(f"delete {name}", lambda: plane.tasks.delete(name, "default", grace_period=grace))
        elif what < 0.45:
            label = str(random.randrange(100))
            try:
                found = plane.tasks.get(name, "default")
            except (ApiError, StoreError):
                return
            self._try(f"label {name}", lambda: plane.tasks.write(_task(name, found.spec, {"l": label})))
        else:
            spec = drawn_spec(random, name)
            self._try(f"apply {name}", lambda: plane.tasks.write(_task(name, spec)))

    def _try(self, what: str, request: Callable[[], object]) -> None:
        try:
            request()
        except ApiError as error:
            self._note(f"user: {what}: {error.problem.type.rpartition(':')[2]}")
        except StoreError as error:
            self._note(f"user: {what}: {type(error).__name__}")
        else:
            self._note(f"user: {what}")


def _task(name: str, spec: TaskSpec, labels: dict[str, str] | None = None) -> Task:
    return Task(metadata=Metadata(name=name, labels=labels or {}), spec=spec)
