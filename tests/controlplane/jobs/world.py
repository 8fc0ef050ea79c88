"""One job and its tasks, changed as the decisions say, on virtual time: what the tests of deciding stand on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from controlplane.jobs.decide import Decision, Situation, decide
from controlplane.jobs.tasks import JobTask, new_task
from taskyard.clock import timestamp
from taskyard.objects import Job, JobRun, JobSpec, Metadata, Result, TaskSpec, TaskTemplate
from taskyard.store.api import Entry

BEGAN = 1_700_000_000.0


def a_job(**spec: Any) -> Job:
    template = TaskTemplate(spec=TaskSpec(image="a:1"))
    return Job(metadata=Metadata(name="resize", uid="0" * 12, generation=1), spec=JobSpec(template=template, **spec))


@dataclass
class World:
    """`code`: the exit code of each index and attempt, None for one that runs on. A task runs for a second."""

    job: Job
    code: Callable[[int, int], int | None] = lambda _index, _attempt: 0
    run: JobRun | None = None
    tasks: dict[tuple[int, int], JobTask] = field(default_factory=dict)
    now: float = BEGAN
    ran: list[tuple[int, int]] = field(default_factory=list)
    """Index and attempt of all that was made."""
    most: int = 0
    """Live tasks at any time."""
    writes: int = 0
    expired: bool = False

    def change(self, **spec: Any) -> None:
        self.job = replace(self.job, spec=replace(self.job.spec, **spec))

    def tick(self) -> Decision:
        """One look; then what runs ends, and a second passes."""
        decision = decide(Situation(self.job, self.run, list(self.tasks.values()), self.now))
        self.writes += decision.run != self.run
        self.run = decision.run
        self.expired = self.expired or decision.expired
        for each in decision.removes:
            del self.tasks[each.index, each.attempt]
        for index, attempt in decision.makes:
            assert (index, attempt) not in self.tasks
            task = new_task(self.job, index, attempt, f"{len(self.ran):012x}", timestamp(self.now), None)
            self.tasks[index, attempt] = JobTask(index, attempt, task, Entry("", b"", 1, 1))
            self.ran.append((index, attempt))
        self.most = max(self.most, sum(1 for each in self.tasks.values() if each.live))
        self.now += 1.0
        for at, each in self.tasks.items():
            code = self.code(*at)
            if each.live and code is not None:
                self.tasks[at] = self.ended(each, code)
        return decision

    def ended(self, each: JobTask, code: int) -> JobTask:
        metadata = each.task.metadata
        outcome = Result(
            uid=metadata.uid,
            job=self.job.metadata.uid,
            namespace="default",
            name=metadata.name,
            epoch=1,
            succeeded=code == 0,
            exit_code=code,
            message=f"exited with code {code}",
            finished_at=timestamp(self.now),
        )
        return JobTask(each.index, each.attempt, each.task, each.entry, outcome)

    def finish(self, ticks: int = 1000) -> JobRun:
        """Until it is over; waits are skipped."""
        for _ in range(ticks):
            decision = self.tick()
            if decision.run.phase.finished:
                return decision.run
            if not decision.makes and decision.again_in is not None and not any(t.live for t in self.tasks.values()):
                self.now += decision.again_in
        raise AssertionError(f"still at it after {ticks} looks: {self.run}")
