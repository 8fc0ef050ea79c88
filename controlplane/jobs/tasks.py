"""The tasks of a job: how each is called and made, and what is known of those there are. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from taskyard.objects import Gang, Job, Metadata, Owner, Result, Task, TaskSpec
from taskyard.objects.job import ATTEMPT, COMPLETIONS, INDEX, JOB
from taskyard.store.api import Entry


@dataclass(frozen=True, slots=True)
class JobTask:
    """One try of one index, as it is now."""

    index: int
    attempt: int
    task: Task
    entry: Entry
    outcome: Result | None = None
    """How it ended, as its agent has recorded it."""
    vanished: str = ""
    """It was to run once, and nobody will ever know how it ended: what became of it, for people."""

    @property
    def going(self) -> bool:
        return bool(self.task.metadata.deletion_timestamp)

    @property
    def live(self) -> bool:
        """It may run, or may come to run."""
        return self.outcome is None and not self.vanished


def task_name(job: str, index: int, attempt: int) -> str:
    """`resize-3`, and `resize-3-r1` for the first retry."""
    return f"{job}-{index}-r{attempt}" if attempt else f"{job}-{index}"


def new_task(job: Job, index: int, attempt: int, uid: str, created_at: str, gang: Gang | None) -> Task:
    name, metadata, template = job.metadata.name, job.metadata, job.spec.template
    marks = {JOB: name, INDEX: str(index), ATTEMPT: str(attempt), COMPLETIONS: str(job.spec.completions)}
    made = Metadata(
        name=task_name(name, index, attempt),
        namespace=metadata.namespace,
        labels={**template.metadata.labels, **marks},
        annotations=dict(template.metadata.annotations),
        uid=uid,
        generation=1,
        created_at=created_at,
        owner=Owner(kind="Job", name=name, uid=metadata.uid),
    )
    return Task(metadata=made, spec=_spec(job, gang))


def _spec(job: Job, gang: Gang | None) -> TaskSpec:
    """A task of a job ends: what is tried again is the controller's to say, unless it is restarted in place."""
    spec = job.spec.template.spec
    if spec.restart.policy == "always":
        spec = replace(spec, restart=replace(spec.restart, policy="never"))
    if job.spec.guarantee == "at-most-once":
        spec = replace(spec, run_once=True)
    return replace(spec, gang=gang) if gang is not None else spec
