"""Init tasks: what a task has run before its own container, one after the other. Pure; called by decide and effects.

Each is a container of the same attempt, made of the task's spec with what is its own laid over it, so it has the same
volumes, network, user and limits.
"""

from __future__ import annotations

from msgspec.structs import replace

from nodeagent.names import MAIN
from nodeagent.runtime.port import ContainerState
from nodeagent.situation import Container, Situation
from taskyard.objects import Assignment, Hooks, InitTask, TaskSpec


def next_step(situation: Situation) -> int:
    """The first of the current attempt that has not succeeded, from 1; MAIN when all have, or the task itself began."""
    if situation.assignment is None or situation.current:
        return MAIN
    done = {one.run.step for one in situation.containers if _of_attempt(situation, one) and _succeeded(one)}
    steps = range(1, len(situation.assignment.spec.init) + 1)
    return next((step for step in steps if step not in done), MAIN)


def container_of(situation: Situation, step: int) -> Container | None:
    return next(
        (one for one in situation.containers if one.run.step == step and _of_attempt(situation, one)),
        None,
    )


def image_of(spec: TaskSpec, step: int) -> str:
    return spec.image if step == MAIN else spec.init[step - 1].image or spec.image


def at_step(assignment: Assignment, step: int) -> Assignment:
    """As its container is made: nobody reaches an init task, and nothing asks after its health."""
    if step == MAIN:
        return assignment
    spec, init = assignment.spec, assignment.spec.init[step - 1]
    own = replace(
        spec,
        image=image_of(spec, step),
        command=init.command,
        args=init.args,
        env=spec.env | init.env,
        ports=[],
        resources=replace(spec.resources, generic={}),
        hooks=Hooks(),
        health_check=None,
    )
    return replace(assignment, spec=own)


def init_task(assignment: Assignment, step: int) -> InitTask | None:
    return assignment.spec.init[step - 1] if 0 < step <= len(assignment.spec.init) else None


def _of_attempt(situation: Situation, one: Container) -> bool:
    status = situation.status
    return status is not None and (one.run.epoch, one.run.attempt) == (status.epoch, status.attempt)


def _succeeded(one: Container) -> bool:
    return one.info.state is ContainerState.EXITED and one.info.exit_code == 0
