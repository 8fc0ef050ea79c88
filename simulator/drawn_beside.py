"""What runs before and beside the tasks of the simulation, drawn from the seed: their init tasks and sidecars."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from msgspec.structs import replace

from simulator.specs import FAILING_HOOK, IMAGES, LOCAL, RESTLESS
from taskyard.objects import InitTask, Job, Service, Sidecar, SidecarResources, TaskSpec
from taskyard.objects.normal import normalize

_PREPARES = ("prepare",) * 8 + ("prepare slowly",) * 2
_ACCOMPANIES = ("serve",) * 5 + ("stubborn",) * 2
_FAILS = ("crash", "refused")
_ENDS = ("job", "crash", "refused")
"""Sidecars with these are started again and again."""

_SHARE = 0.5
"""Of the tasks, where there are any."""
Made = TypeVar("Made", Job, Service)


def accompanied(random: Random, spec: TaskSpec, *, reliable: bool = False) -> TaskSpec:
    """With init tasks, sidecars or both, or none. `reliable`: none that fails or ends by itself."""
    if random.random() >= _SHARE:
        return spec
    inits, sidecars = random.choice(((0, 1), (0, 2), (1, 0), (1, 1), (2, 0), (2, 1), (1, 2)))
    prepares = _PREPARES if reliable else (*_PREPARES, *_FAILS)
    # With each attempt of the task their waits begin anew: two loops in one write more than either may.
    accompanies = _ACCOMPANIES if reliable or spec.args[0] in RESTLESS else (*_ACCOMPANIES, *_ENDS)
    init = [_init(random, number, prepares) for number in range(inits)]
    return normalize(
        replace(spec, init=init, sidecars=[_sidecar(random, number, accompanies) for number in range(sidecars)])
    )


def template_accompanied(random: Random, value: Made) -> Made:
    """What is beside the tasks of a service or job is no reason to fail."""
    template = value.spec.template
    template = replace(template, spec=accompanied(random, template.spec, reliable=True))
    return replace(value, spec=replace(value.spec, template=template))


def is_prepared(spec: TaskSpec) -> bool:
    """It gets past its init tasks and its postStart hook, and what has to be started before it starts."""
    if spec.hooks.post_start is not None and spec.hooks.post_start.command == [FAILING_HOOK]:
        return False
    before = [one.args for one in spec.sidecars if one.start == "before"]
    return not any(args[0] in _FAILS for args in (one.args for one in spec.init)) and ["refused"] not in before


def company_rests(spec: TaskSpec) -> bool:
    """What is beside it runs once it is up."""
    return is_prepared(spec) and not any(one.args[0] in _ENDS for one in spec.sidecars)


def _init(random: Random, number: int, programs: Sequence[str]) -> InitTask:
    return InitTask(name=f"i{number}", image=_image(random), args=[random.choice(programs)])


def _sidecar(random: Random, number: int, programs: Sequence[str]) -> Sidecar:
    return Sidecar(
        name=f"s{number}",
        image=_image(random),
        args=[random.choice(programs)],
        start="after" if random.random() < 0.3 else "before",
        resources=SidecarResources(cpu="50m", memory="16Mi"),
    )


def _image(random: Random) -> str:
    """Empty: the task's."""
    return random.choice(("", "", LOCAL, LOCAL, *IMAGES))
