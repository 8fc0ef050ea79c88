"""Hooks: programs run in a container after its start and before its stop. Called in lanes, which wait for them.

What is to be run before the stop, and how long it is put off, is kept in labels of the container: its spec may be gone
by then.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from nodeagent.names import PRE_STOP, STOP_DELAY
from nodeagent.runtime.port import ContainerInfo, Runtime, RuntimeRefused
from taskyard.objects import Assignment, BadValue, Hook, decode, encode
from taskyard.quantity import seconds


def hook_labels(assignment: Assignment) -> dict[str, str]:
    hook, delay = assignment.spec.hooks.pre_stop, seconds(assignment.spec.stop.delay)
    labels = {PRE_STOP: encode(hook).decode()} if hook else {}
    return labels | ({STOP_DELAY: f"{delay:g}"} if delay else {})


def stop_delay(labels: Mapping[str, str]) -> float:
    """Seconds; 0 where there is none, or somebody wrote something else into the label."""
    try:
        return seconds(labels.get(STOP_DELAY) or "0")
    except ValueError:
        return 0.0


def pre_stop(labels: Mapping[str, str]) -> Hook | None:
    """None when there is none, or when somebody wrote something else into the label."""
    try:
        return decode(labels[PRE_STOP].encode(), Hook) if labels.get(PRE_STOP) else None
    except (BadValue, msgspec.ValidationError):
        return None


def run_hook(runtime: Runtime, container: ContainerInfo, hook: Hook, *, within: float) -> str:
    """Why it failed; empty when it did not. `within`: seconds that there are at most."""
    try:
        code = runtime.run(container.id, tuple(hook.command), min(seconds(hook.timeout), within))
    except RuntimeRefused as error:
        return str(error)
    return "" if code == 0 else "it took too long" if code is None else f"exit code {code}"
