"""Hooks of tasks: what users ask for, drawn from the seed, and that they are run when they have to be.

Judged by what was run in the containers, as their runtime knows it: a task is told to run only once its postStart hook
has succeeded, and no agent sends a stop signal before the preStop hook was run.
"""

from __future__ import annotations

from random import Random

from msgspec.structs import replace

from nodeagent.runtime.port import ContainerInfo, ContainerState
from simulator.node import Host
from simulator.runs import Run
from simulator.specs import FAILING_HOOK, LASTING
from simulator.story import Violation
from taskyard.objects import Hook, Hooks, Service, TaskSpec, TaskState, TaskStatus
from taskyard.objects.normal import normalize

_SHARE = 0.6
_REGISTER = Hook(command=["register"])
_STOPS = (
    Hook(command=["drain"]),
    Hook(command=["drain badly"], timeout="2s"),
    Hook(command=["drain for ever"], timeout="1s"),
)
"""What comes of them changes nothing."""


def with_hooks(random: Random, spec: TaskSpec, *, reliable: bool = False) -> TaskSpec:
    """With one, both or none. `reliable`: none that fails and keeps the task from running."""
    if random.random() >= _SHARE:
        return spec
    fails = random.random() < 0.15 and spec.args[0] in LASTING and not reliable
    started = Hook(command=[FAILING_HOOK]) if fails else random.choice((None, _REGISTER))
    return normalize(replace(spec, hooks=Hooks(post_start=started, pre_stop=random.choice((None, *_STOPS)))))


def template_with_hooks(random: Random, service: Service) -> Service:
    template = service.spec.template
    template = replace(template, spec=with_hooks(random, template.spec, reliable=True))
    return replace(service, spec=replace(service.spec, template=template))


def check_signal(host: Host, run: Run, call: str, container: ContainerInfo, spec: TaskSpec) -> None:
    """Before it is sent."""
    hook = spec.hooks.pre_stop
    if hook is None or run.part or container.state is not ContainerState.RUNNING or call == "kill SIGKILL":
        return
    if (container.id, tuple(hook.command)) not in host.runtime.ran:
        raise Violation(f"{container.name} is stopped on {host.name} before its preStop hook was run", run.uid)


def check_told(host: Host, status: TaskStatus, spec: TaskSpec) -> None:
    """As an agent writes it."""
    hook, found = spec.hooks.post_start, host.runtime.look_up(status.container_id)
    if hook is None or status.state is not TaskState.RUNNING or found is None or found.name != status.container_name:
        return  # The last: an agent on another host has told it, which had the name of the node meanwhile.
    if (found.id, tuple(hook.command)) not in host.runtime.ran or hook.command == [FAILING_HOOK]:
        raise Violation(
            f"{status.name} is told to run on {host.name}, and its postStart hook has not succeeded", status.uid
        )
