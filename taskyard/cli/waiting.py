"""Waiting for tasks to run, or for any object to be gone, over one watch for each kind and namespace.

Used by `apply --wait`, `delete` and `up`; what is decided is pure. A wait is not upset by an outage: it says so, and
goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from taskyard.cli.kinds import Kind
from taskyard.cli.progress import Progress
from taskyard.cli.rows import ready, reason
from taskyard.cli.shelf import shelf
from taskyard.client.api import Client
from taskyard.client.errors import ClientError
from taskyard.client.selection import Selection
from taskyard.client.service_views import ServiceView
from taskyard.client.views import ApplyResult, JobView, ObjectView, TaskView
from taskyard.client.watch import Patience
from taskyard.clock import Clock
from taskyard.quantity import format_duration


@dataclass(frozen=True, slots=True)
class Awaited:
    """One object: which, and for a task that was changed, the epoch that it must get beyond."""

    namespace: str
    name: str
    uid: str = ""
    after_epoch: int = 0
    kind: Kind = Kind.TASK

    @property
    def label(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one object at one moment. `settled`: nothing more is waited for; then `failure` is why it is not good."""

    settled: bool
    text: str
    failure: str = ""


Judge = Callable[[Awaited, Any], Verdict]
"""Of the object as its kind's view, or None: it is not there."""


def awaited_after(result: ApplyResult) -> Awaited:
    """A changed spec gets a new epoch; until then the status is still that of the old version."""
    task = msgspec.json.decode(result.object, type=TaskView)
    replaced = result.result == "configured" and any(change.path.startswith("spec") for change in result.changes)
    return Awaited(result.namespace, result.name, task.metadata.uid, task.status.epoch if replaced else 0)


def judge_running(awaited: Awaited, task: TaskView | None) -> Verdict:
    """Good once it runs (and is healthy, with a health check) or has completed, in the epoch that the change made."""
    if task is None:
        return Verdict(True, "Deleted", "it was deleted meanwhile")
    status = task.status
    why = reason(task)
    text = f"{status.state}{': ' + why if why else ''}"
    if status.epoch <= awaited.after_epoch:
        return Verdict(False, "waiting for its new version to be placed" if status.epoch else text)
    if status.state == "Failed":
        return Verdict(True, text, why or f"it failed with exit code {status.exit_code}")
    if status.state == "Completed" or ready(task) == "yes":
        return Verdict(True, status.state)
    if status.state == "Running":
        return Verdict(False, f"Running, health check {status.health}")
    return Verdict(False, text)


def judge_started(_awaited: Awaited, task: TaskView | None) -> Verdict:
    """Good once it has had a container."""
    if task is None:
        return Verdict(True, "Deleted", "it was deleted meanwhile")
    why = reason(task)
    waits = task.status.state in ("Pending", "Scheduled", "Starting")
    return Verdict(not waits, f"{task.status.state}{': ' + why if why else ''}")


def judge_gone(awaited: Awaited, found: TaskView | ServiceView | JobView | ObjectView | None) -> Verdict:
    """Good once it is not there, or another one has its name."""
    if found is None or (awaited.uid and found.metadata.uid != awaited.uid):
        return Verdict(True, "deleted")
    if not isinstance(found, TaskView):
        return Verdict(False, "waits until all that it owns is gone")
    why = reason(found)
    return Verdict(False, f"{found.status.state}{': ' + why if why else ''}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """`unsettled`: those for which the time ran out, with what was last known."""

    settled: Mapping[str, Verdict]
    unsettled: Mapping[str, Verdict]


def wait_for(
    client: Client,
    awaited: Sequence[Awaited],
    judge: Judge,
    *,
    clock: Clock,
    timeout: float | None,
    progress: Progress,
    on_settled: Callable[[Awaited, Verdict], None],
) -> Outcome:
    """Until all are settled or the time is up. Keys are those of the awaited."""
    waiting = {one.key: one for one in awaited}
    verdicts = {key: Verdict(False, "waiting") for key in waiting}
    deadline = None if timeout is None else clock.monotonic() + timeout
    for sightings in _sightings(client, waiting, clock, deadline, progress):
        for key, task in sightings:
            one = waiting.get(key)
            if one is None:
                continue
            verdicts[key] = judge(one, task)
            if verdicts[key].settled:
                del waiting[key]
                on_settled(one, verdicts[key])
        progress.show({one.label: verdicts[key].text for key, one in waiting.items()})
    return Outcome(
        {key: verdict for key, verdict in verdicts.items() if key not in waiting},
        {key: verdicts[key] for key in waiting},
    )


Sighting = tuple[str, Any]
"""A key, and the object; None: it is not there."""


def complaints(
    client: Client,
    awaited: Sequence[Awaited],
    judge: Judge,
    *,
    clock: Clock,
    timeout: float | None,
    progress: Progress,
    late: str,
) -> list[str]:
    """Waits, says how each has settled, and returns why it is not as it should be, a sentence for each; none when all
    is well. `late`: what one is not when the time is up: `complete`."""

    def told(one: Awaited, verdict: Verdict) -> None:
        progress.settled(one.label, verdict.text)

    outcome = wait_for(client, awaited, judge, clock=clock, timeout=timeout, progress=progress, on_settled=told)
    labels = {one.key: one.label for one in awaited}
    found = [f"{labels[key]}: {verdict.failure}" for key, verdict in outcome.settled.items() if verdict.failure]
    after = format_duration(timeout or 0)
    return found + [
        f"{labels[key]} is not {late} after {after}: {verdict.text}" for key, verdict in outcome.unsettled.items()
    ]


def _sightings(
    client: Client, waiting: Mapping[str, Awaited], clock: Clock, deadline: float | None, progress: Progress
) -> Iterator[list[Sighting]]:
    """Each awaited object as it is, then again as it changes, watch by watch, as long as any is waited for."""

    def outage(error: ClientError | None) -> None:
        progress.say("the connection is back" if error is None else f"{error}; trying again until it is back")

    for kind, namespace in dict.fromkeys((one.kind, one.namespace) for one in list(waiting.values())):
        patience = Patience(clock=clock, deadline=deadline, on_break=outage)
        first = True
        for batch in shelf(client, kind).watch(Selection(namespace if kind.namespaced else ""), patience):
            seen = [(_key(kind, c.item.view), None if c.type == "DELETED" else c.item.view) for c in batch]
            if first:
                present = {key for key, _ in seen}
                here = [key for key, one in waiting.items() if (one.kind, one.namespace) == (kind, namespace)]
                seen += [(key, None) for key in here if key not in present]
                first = False
            yield seen
            if not any((one.kind, one.namespace) == (kind, namespace) for one in waiting.values()):
                break


def _key(kind: Kind, found: Any) -> str:
    return Awaited(found.metadata.namespace, found.metadata.name, kind=kind).key
