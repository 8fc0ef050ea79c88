"""What the tasks of the simulation are like, drawn from the seed, and the programs that their containers run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from typing import Literal

from msgspec.structs import replace

from nodeagent.runtime.fake_program import Program
from taskyard.objects import Gang, HealthCheck, OnNodeLoss, Port, Resources, Restart, Stop, TaskSpec, Volume
from taskyard.objects.normal import normalize

LOCAL = "busybox:1.35"
IMAGES = ("far:1", "far:2")
"""What a pull finds; nowhere is `missing:1`."""
MISSING = "missing:1"
MOVING = "moving:1"
"""Its tag stands for something else now and then."""
ZONES = ("a", "b")

PROGRAMS: dict[tuple[str, ...], Program] = {
    ("serve",): Program(),
    ("job",): Program(runs=20.0),
    ("brief",): Program(runs=8.0),
    ("tough",): Program(runs=8.0, ignores=frozenset({"SIGTERM"})),
    ("crash",): Program(runs=3.0, exit_code=1),
    ("stubborn",): Program(ignores=frozenset({"SIGTERM"})),
    ("refused",): Program(refuses_to_start="no such command"),
    ("slow",): Program(healthy_after=6.0),
    ("sick",): Program(unhealthy_after=9.0),
    ("prepare",): Program(runs=1.5),
    ("prepare slowly",): Program(runs=6.0),
}
INSIDE: Mapping[tuple[str, ...], int | None] = {
    ("register in vain",): 1,
    ("drain badly",): 1,
    ("drain for ever",): None,
}
"""How hooks end that do not succeed."""
FAILING_HOOK = "register in vain"
"""A task with it for its postStart hook never gets to run."""
LASTING = ("serve", "stubborn", "slow")
"""They do not end by themselves."""
ILL = ("sick",)
"""Their checks fail after a while."""
RESTLESS = ("crash", "refused", "job", *ILL)
"""Their status goes on changing."""
_KINDS = ("serve",) * 12 + ("job",) * 3 + ("crash",) * 2 + ("stubborn",) * 2 + ("refused", "slow", "slow", "sick")
_GANGS = (5, 6, 7)
_RETURNS: tuple[Literal["keep-newest", "keep-original", "best-score"], ...] = (
    "keep-newest",
    "keep-original",
    "keep-original",
    "best-score",
)
_CHECK = HealthCheck(command=["true"], interval="1s")


def labels_of(name: str) -> dict[str, str]:
    """By which `minAvailable` counts."""
    return {"app": f"a{int(name[1:]) % 3}"}


def loners(names: Iterable[str]) -> list[str]:
    """Those that are of no gang."""
    return [name for name in names if int(name[1:]) % 8 not in _GANGS]


def contended(random: Random, name: str, spec: TaskSpec) -> TaskSpec:
    """With what matters where room is short. Which gang it is of hangs on its name."""
    number = int(name[1:])
    if number % 8 in _GANGS:
        return replace(spec, gang=Gang(name=f"g{number // 8}", size=2 + number // 8 % 2))
    return replace(spec, priority=random.choice((0, 0, 0, 5, 10)), min_available=random.choice((0, 0, 0, 2)))


def movable(name: str) -> bool:
    """Neither a singleton, nor with a volume."""
    return int(name[1:]) % 4 != 0 and int(name[1:]) % 5 != 3


def drawn_spec(random: Random, name: str) -> TaskSpec:
    """Whether it is a singleton, or has a volume, hangs on its name, so that edits do not change it."""
    singleton = int(name[1:]) % 4 == 0
    kind = random.choice(_KINDS)
    restart = Restart(max_restarts=2 if kind == "crash" and random.random() < 0.5 else None)
    if kind == "job":
        restart = random.choice((Restart(policy="on-failure"), Restart(policy="never")))
    hopeless, version = random.random() < 0.03, random.randrange(1000)
    return normalize(
        TaskSpec(
            image=_image(random),
            args=[kind],
            env={"VERSION": str(version)},
            resources=Resources(
                cpu="6" if hopeless else random.choice(("100m", "250m", "500m", "1")),
                memory=random.choice(("64Mi", "256Mi", "512Mi")),
            ),
            ports=[Port(container=80, host=8000 + random.randrange(6))] if random.random() < 0.1 else [],
            restart=restart,
            ttl_after_finish="5s" if version % 4 == 0 else None,
            singleton=singleton,
            volumes=[Volume(target="/data", name="data")] if int(name[1:]) % 5 == 3 else [],
            on_node_loss=OnNodeLoss(on_return=_RETURNS[version % 4 if movable(name) and kind not in RESTLESS else 0]),
            stop=Stop(grace_period=random.choice(("0s", "2s", "5s"))),
            node_selector={"zone": random.choice(ZONES)} if random.random() < 0.1 else {},
            health_check=_CHECK if kind in ("slow", "sick") or random.random() < 0.1 else None,
        )
    )


def _image(random: Random) -> str:
    drawn = random.random()
    if drawn < 0.03:
        return MISSING
    return random.choice(IMAGES) if drawn < 0.2 else LOCAL
