"""What `apply --wait` waits for: every task runs, and goes on running for a while where nothing checks its health.

A container that fails right after its start has been Running all the same. So a task without a health check has to stay
in one attempt; a check answers that question better, and is believed. The waiting itself is waiting.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from taskyard.cli.progress import Progress
from taskyard.cli.rows import reason
from taskyard.cli.waiting import Awaited, Verdict, judge_running, wait_for
from taskyard.client.api import Client
from taskyard.client.views import TaskView
from taskyard.clock import Clock
from taskyard.quantity import format_duration


@dataclass(slots=True)
class Steadiness:
    """Two judges that know of each other: which attempt the first one saw running is what the second one holds to."""

    _attempts: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def begins(self, awaited: Awaited, task: TaskView | None) -> Verdict:
        """Good once it runs, is healthy, or has completed."""
        verdict = judge_running(awaited, task)
        unchecked = task is not None and task.status.state == "Running" and not task.status.health
        if task is not None and unchecked and verdict.settled:
            self._attempts[awaited.namespace, awaited.name] = (task.status.epoch, task.status.attempt)
        else:
            self._attempts.pop((awaited.namespace, awaited.name), None)
        return verdict

    def holds(self, awaited: Awaited, task: TaskView | None) -> Verdict:
        """Settled by the end of that attempt alone; then `failure` is how it ended, empty for a completed one."""
        verdict = judge_running(awaited, task)
        if task is None or (verdict.settled and verdict.failure) or task.status.state == "Completed":
            return verdict
        seen = self._attempts[awaited.namespace, awaited.name]
        if verdict.settled and (task.status.epoch, task.status.attempt) == seen:
            return Verdict(False, "Running")
        return Verdict(True, verdict.text, reason(task) or "it was started again")

    def unproven(self, awaited: Sequence[Awaited]) -> list[Awaited]:
        return [one for one in awaited if (one.namespace, one.name) in self._attempts]


def wait_until_steady(
    client: Client,
    awaited: Sequence[Awaited],
    *,
    clock: Clock,
    timeout: float,
    stable: float,
    progress: Progress,
) -> list[str]:
    """Why it is not as it should be, a sentence for each task; none when all is well.

    One that ends within `stable` seconds and is started again is waited for anew, until `timeout` is over.
    """
    deadline = clock.monotonic() + timeout
    steadiness = Steadiness()
    complaints: list[str] = []
    waiting = list(awaited)

    def told(one: Awaited, verdict: Verdict) -> None:
        progress.settled(one.label, verdict.text)

    while waiting:
        left = max(deadline - clock.monotonic(), 0.0)
        begun = wait_for(
            client, waiting, steadiness.begins, clock=clock, timeout=left, progress=progress, on_settled=told
        )
        by_key = {one.key: one for one in waiting}
        for key, verdict in begun.settled.items():
            if verdict.failure:
                complaints.append(f"{by_key[key].label} does not run: {verdict.failure}")
        for key, verdict in begun.unsettled.items():
            complaints.append(f"{by_key[key].label} does not run after {format_duration(timeout)}: {verdict.text}")
        good = [by_key[key] for key, verdict in begun.settled.items() if not verdict.failure]
        unproven = steadiness.unproven(good)
        if not unproven or stable <= 0:
            break
        held = wait_for(
            client, unproven, steadiness.holds, clock=clock, timeout=stable, progress=progress, on_settled=told
        )
        waiting = [by_key[key] for key, verdict in held.settled.items() if verdict.failure]
    return complaints
