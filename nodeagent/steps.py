"""The containers of an attempt and their order: init tasks, what holds the network, sidecars, the task itself. Pure.

Each is a container of the same attempt, made of the task's spec with what is its own laid over it, so it has the same
volumes, user and security. With sidecars the network belongs to a container of its own, which does nothing: they have
it before the task's container is there, and still when that has ended. Called by decide and starting.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from nodeagent.names import MAIN, NETWORK, Run
from nodeagent.runtime.port import PAUSE_IMAGE, ContainerState
from nodeagent.situation import Container, Situation
from taskyard.objects import Assignment, Hooks, InitTask, Process, Resources, Security, Sidecar, TaskSpec

_NET = "net."
"""What sysctls of a network begin with."""


def next_step(situation: Situation) -> int:
    """The first of the current attempt that is not where it has to be before the task itself; MAIN when all are, or
    when the task itself has begun."""
    spec = situation.assignment.spec if situation.assignment is not None else None
    if spec is None or not (spec.init or spec.sidecars) or situation.current:
        return MAIN
    return next((step for step in _before_main(spec) if not _done(situation, spec, step)), MAIN)


def container_of(situation: Situation, step: int) -> Container | None:
    return next((one for one in of_attempt(situation) if one.run.step == step), None)


def of_attempt(situation: Situation) -> tuple[Container, ...]:
    """The current one's, in the order of its steps."""
    status = situation.status
    if status is None or not situation.containers:
        return ()
    attempt = (status.epoch, status.attempt)
    return tuple(one for one in situation.containers if (one.run.epoch, one.run.attempt) == attempt)


def in_stop_order(containers: Iterable[Container]) -> list[Container]:
    """Older attempts first; in each the task itself, its sidecars, the last one first, and then their network."""
    return sorted(containers, key=lambda one: (one.run.epoch, one.run.attempt, _stop_rank(one.run.step)))


def _stop_rank(step: int) -> int:
    return -MAIN if step == MAIN else NETWORK - step if step > MAIN else step


def is_started(spec: TaskSpec, step: int) -> bool:
    """Before the task itself; else its container is only made then, so that nothing is left to fetch."""
    sidecar = sidecar_of(spec, step)
    return sidecar is None or sidecar.start == "before"


def image_of(spec: TaskSpec, step: int) -> str:
    if step == NETWORK:
        return PAUSE_IMAGE
    own = init_of(spec, step) or sidecar_of(spec, step)
    return (own.image if own else "") or spec.image


def name_of(spec: TaskSpec, step: int) -> str:
    """As `logs -c` takes it; empty for the task itself and its network."""
    own = init_of(spec, step) or sidecar_of(spec, step)
    return own.name if own else ""


def init_of(spec: TaskSpec, step: int) -> InitTask | None:
    return spec.init[step - 1] if 0 < step <= len(spec.init) else None


def sidecar_of(spec: TaskSpec, step: int) -> Sidecar | None:
    return spec.sidecars[step - MAIN - 1] if MAIN < step <= MAIN + len(spec.sidecars) else None


def numbered_sidecars(spec: TaskSpec) -> tuple[tuple[int, Sidecar], ...]:
    return tuple(enumerate(spec.sidecars, MAIN + 1))


def has_network_step(spec: TaskSpec) -> bool:
    """On the node's own network there is nothing to hold."""
    return bool(spec.sidecars) and spec.network.mode != "host"


def joined(spec: TaskSpec, run: Run) -> str:
    """The name of the container whose network this one has; empty when it has one of its own."""
    shares = has_network_step(spec) and run.step >= MAIN
    return Run(run.uid, run.epoch, run.attempt, NETWORK).container_name if shares else ""


def at_step(assignment: Assignment, step: int) -> Assignment:
    """As its container is made. Nobody but the task itself is asked how it is, and only that gets devices."""
    spec = assignment.spec
    if step == NETWORK:
        return replace(assignment, spec=_network_spec(spec))
    if has_network_step(spec) and step >= MAIN:
        sysctls = {name: value for name, value in spec.process.sysctls.items() if not name.startswith(_NET)}
        spec = replace(spec, process=replace(spec.process, sysctls=sysctls))
    init, sidecar = init_of(spec, step), sidecar_of(spec, step)
    own = init or sidecar
    if own is not None:
        spec = replace(
            spec,
            image=own.image or spec.image,
            command=own.command,
            args=own.args,
            env=spec.env | own.env,
            ports=[] if init else spec.ports,
            resources=replace(spec.resources, generic={}),
            hooks=Hooks(),
            health_check=None,
        )
    if sidecar is not None:
        spec = replace(
            spec,
            resources=Resources(cpu=sidecar.resources.cpu, memory=sidecar.resources.memory),
            limits=replace(spec.limits, cpu=None, memory=None, swap=None),
        )
    return replace(assignment, spec=spec)


def _network_spec(spec: TaskSpec) -> TaskSpec:
    """Only what the network is made of."""
    sysctls = {name: value for name, value in spec.process.sysctls.items() if name.startswith(_NET)}
    return TaskSpec(
        image=PAUSE_IMAGE,
        ports=spec.ports,
        process=Process(sysctls=sysctls),
        network=spec.network,
        security=Security(read_only_root=True, cap_drop=["ALL"]),
    )


def _before_main(spec: TaskSpec) -> Iterable[int]:
    yield from range(1, len(spec.init) + 1)
    if has_network_step(spec):
        yield NETWORK
    yield from (step for step, _ in numbered_sidecars(spec))


def _done(situation: Situation, spec: TaskSpec, step: int) -> bool:
    one = container_of(situation, step)
    if one is None:
        return False
    if init_of(spec, step):
        return one.info.state is ContainerState.EXITED and one.info.exit_code == 0
    if step == NETWORK:
        return one.running
    # One that has ended by itself since is started again beside the task; one that was killed for the lease is not.
    begun = one.info.state is not ContainerState.CREATED or not is_started(spec, step)
    return begun and (one.running or one.info.id not in situation.condemned)
