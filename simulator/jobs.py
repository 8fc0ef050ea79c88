"""Jobs in a simulation: what users ask for, what may be made and counted for one and when, and how they have to end up.

The checker tells what it sees; nothing here reads a component's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from msgspec.structs import replace

from simulator.crons import Crons
from simulator.mirror import Mirror
from simulator.story import Violation
from taskyard import keys
from taskyard.indexes import Indexes
from taskyard.keys import ObjectKey
from taskyard.objects import (
    Cron,
    CronSpec,
    Job,
    JobPhase,
    JobRun,
    JobSpec,
    JobTemplate,
    Metadata,
    Resources,
    Result,
    Retry,
    RetryBackoff,
    Stop,
    Success,
    Task,
    TaskSpec,
    TaskTemplate,
    decode,
)
from taskyard.objects.job import position
from taskyard.objects.normal import normalize
from taskyard.store.api import KeyEvent

MOST = 4
"""Tasks at a time, and in all: jobs are small, so that they leave room."""
Try = tuple[str, int, int]
"""The job's uid, index and attempt."""


def drawn_job(random: Random, name: str) -> Job:
    program = random.choice(("brief",) * 4 + ("tough", "tough", "crash", "refused"))
    template = TaskTemplate(
        spec=TaskSpec(
            image="busybox:1.35",
            args=[program],
            resources=Resources(cpu="50m", memory="16Mi"),
            stop=Stop(grace_period="4s" if program == "tough" else "1s"),
        )
    )
    completions = random.randint(1, MOST)
    once = random.random() < 0.3
    limit, per_index = random.randint(0, 2), 1 if random.random() < 0.3 else None
    backoff = RetryBackoff(initial="1s", max="2s")
    retry = Retry() if once else Retry(limit=limit, per_index=per_index, backoff=backoff)
    spec = JobSpec(
        completions=completions,
        parallelism=random.randint(1, MOST),
        guarantee="at-most-once" if once else "at-least-once",
        retry=retry,
        success=Success(count=random.randint(1, completions)) if random.random() < 0.2 else Success(),
        keep_tasks=random.choice((0, 1, 10)),
        template=template,
    )
    return Job(metadata=Metadata(name=name), spec=normalize(spec))


def drawn_cron(random: Random, name: str) -> Cron:
    """Virtual time begins at 22:13:20."""
    template = JobTemplate(spec=drawn_job(random, name).spec)
    spec = CronSpec(schedule="14-16 22 * * *", overlap=random.choice(("allow", "forbid", "replace")), template=template)
    return Cron(metadata=Metadata(name=name), spec=normalize(spec))


class Jobs:
    """The jobs as the store has them, and all that ever ran and ended for each."""

    def __init__(self) -> None:
        self.now: dict[ObjectKey, Job] = {}
        self.crons: dict[ObjectKey, Cron] = {}
        self._of_crons = Crons()
        self.runs: dict[str, JobRun] = {}
        self._tries: dict[str, Try] = {}
        """uid of a task → which it is."""
        self._made: set[tuple[str, int]] = set()
        """The job's uid and index of all that had a task."""
        self._ended: dict[str, Result] = {}
        """By the task's uid."""
        self._well: set[tuple[str, int]] = set()
        """The job's uid and index of all that have succeeded."""

    def apply(self, event: KeyEvent, who: str) -> None:
        if event.key.startswith(keys.RUNS):
            self._run(event, who)
            return
        key = keys.parse_object(event.key)
        if key is None:
            return
        if key.kind == "Cron":
            self._cron(key, event)
            return
        old = self.now.pop(key, None)
        if event.entry is None:
            if old is not None and who != "user" and not old.metadata.deletion_timestamp:
                raise Violation(f"{who} deleted {key.label}, and no user did", key.name)
            return
        new = decode(event.entry.value, Job)
        if who != "user" and old is not None and new.spec != old.spec:
            raise Violation(f"{who} changed what the user wrote of {key.label}", key.name)
        if old is None and who != "user":
            self._of_crons.check_made(event, key, new, who, self.crons)
        self.now[key] = new

    def _cron(self, key: ObjectKey, event: KeyEvent) -> None:
        self.crons.pop(key, None)
        if event.entry is not None:
            self.crons[key] = decode(event.entry.value, Cron)

    def _run(self, event: KeyEvent, who: str) -> None:
        name = event.key.rpartition("/")[2]
        old = self.runs.pop(event.key, None)
        if event.entry is None:
            return
        new = decode(event.entry.value, JobRun)
        self.runs[event.key] = new
        if not who.endswith("/jobs"):
            raise Violation(f"{who} wrote how far job/{name} is", name)
        uid = new.job_uid
        done = {which: set(Indexes.parse(getattr(new, which))) for which in ("succeeded", "failed", "unknown")}
        if sum(map(len, done.values())) != len(set().union(*done.values())):
            raise Violation(f"job/{name} counts an index twice: {new}", name)
        wrong = sorted(index for index in done["succeeded"] if (uid, index) not in self._well)
        if wrong:
            raise Violation(f"job/{name} counts {wrong} as done, and they were not", name)
        failures = sum(1 for task, found in self._ended.items() if self._tries[task][0] == uid and not found.succeeded)
        if new.failures > failures:
            raise Violation(f"job/{name} counts {new.failures} failures of {failures}", name)
        if old is None or old.job_uid != uid:
            return
        if old.phase.finished and new != old:
            raise Violation(f"job/{name} had finished as {old.phase}, and now is {new.phase}", name)
        for which, indexes in done.items():
            if lost := set(Indexes.parse(getattr(old, which))) - indexes:
                raise Violation(f"job/{name} forgot that {sorted(lost)} have {which}", name)

    def result(self, result: Result) -> None:
        made = self._tries.get(result.uid)
        if made is None:
            raise Violation(f"{result.name} has a result and is no job's", result.uid)
        self._ended[result.uid] = result
        if result.succeeded:
            self._well.add(made[:2])

    def check_forgotten(self, uid: str, who: str) -> None:
        """A result may go once it is counted, or once nobody counts any more."""
        job_uid, index, attempt = self._tries[uid]
        key = next((key for key, job in self.now.items() if job.metadata.uid == job_uid), None)
        run = self.runs.get(keys.run(key.namespace, key.name)) if key is not None else None
        if key is None or run is None or run.job_uid != job_uid or run.phase.finished:
            return
        if self.now[key].metadata.deletion_timestamp:
            return
        settled = any(index in Indexes.parse(text) for text in (run.succeeded, run.failed, run.unknown))
        again = run.again.get(str(index))
        if not settled and attempt == (again.attempt if again is not None else 0):
            raise Violation(f"{who} threw away how {uid} ended, and it was never counted", uid, key.name)

    def check_made(self, task: Task, mirror: Mirror, who: str) -> None:
        """That a task which no user applied was made for a job that wants it."""
        name, uid, job = task.metadata.name, task.metadata.uid, self._owner(task)
        place = position(task.metadata.labels)
        if job is None or job.metadata.deletion_timestamp or place is None:
            raise Violation(f"{who} made {name} for a job that is not there, or is being deleted", uid, name)
        job_uid, index = job.metadata.uid, place[0]
        run = self.runs.get(keys.run(task.metadata.namespace, job.metadata.name))
        if job.spec.suspend or index >= job.spec.completions or (run is not None and _over(run, job_uid)):
            raise Violation(f"{who} made {name}, and its job is suspended, over or smaller", uid, job.metadata.name)
        if (job_uid, index) in self._well:
            raise Violation(f"{who} made {name}, and its index has succeeded before", uid, job.metadata.name)
        if job.spec.guarantee == "at-most-once" and (job_uid, index) in self._made:
            raise Violation(f"{who} made {name}, and its index is to run once at most", uid, job.metadata.name)
        self._tries[uid] = (job_uid, *place)
        self._made.add((job_uid, index))
        live = [
            name
            for name in self._live(job, mirror.tasks)
            if not _stopped_for_good(mirror, mirror.tasks[self._key(name)])
        ]
        if len(live) > job.spec.parallelism:
            raise Violation(f"{job.metadata.name} has {live} at a time, more than {job.spec.parallelism}", uid)

    def check_changed(self, old: Task, new: Task, who: str) -> None:
        """A controller asks for the deletion of a job's task, and changes nothing else."""
        going = replace(new.metadata, deletion_timestamp=old.metadata.deletion_timestamp)
        if new.spec != old.spec or going != old.metadata:
            raise Violation(f"{who} changed {new.metadata.name}, which is a job's", new.metadata.uid)

    def check_bound(self, task: Task) -> None:
        if task.spec.run_once and task.binding is not None and task.binding.epoch > 1:
            raise Violation(f"{task.metadata.name} is to run once, and got another node", task.metadata.uid)

    def check_settled(
        self, tasks: Mapping[str, Task], kept_waiting: Callable[[Task], bool], going: Callable[[str], bool]
    ) -> None:
        """Each has come to an end, or is suspended, or waits for room, or for what only its node can tell. `going`:
        this uid was collected just now."""
        for key, job in sorted(self.now.items()):
            run = self.runs.get(keys.run(key.namespace, key.name))
            if job.metadata.deletion_timestamp and going(job.metadata.uid):
                continue
            if job.metadata.deletion_timestamp:
                raise Violation(f"{key.label} is being deleted for ever", key.name)
            if run is None or run.job_uid != job.metadata.uid:
                raise Violation(f"nobody has looked after {key.label}", key.name)
            live = self._live(job, tasks)
            if run.phase.finished or (job.spec.suspend and job.spec.guarantee == "at-least-once"):
                if live:
                    raise Violation(f"{key.label} is {run.phase}, and {live} are still there", key.name)
            elif not job.spec.suspend and not any(
                task.binding is None or kept_waiting(task) for task in (tasks[self._key(name)] for name in live)
            ):
                raise Violation(f"{key.label} is {run.phase} for ever: {run}, {live}", key.name)
            if job.spec.suspend and not run.phase.finished and run.phase is not JobPhase.SUSPENDED:
                raise Violation(f"{key.label} is to be suspended, and is {run.phase}", key.name)
        for task in tasks.values():
            owner = task.metadata.owner
            if owner is not None and owner.kind == "Job" and self._owner(task) is None:
                raise Violation(f"{task.metadata.name} has outlived its owner", task.metadata.uid)

    def _live(self, job: Job, tasks: Mapping[str, Task]) -> list[str]:
        """Names of its tasks that have not ended."""
        own = [task.metadata for task in tasks.values() if self._owner(task) is job]
        return sorted(metadata.name for metadata in own if metadata.uid not in self._ended)

    def _key(self, name: str) -> str:
        return keys.task("default", name)

    def _owner(self, task: Task) -> Job | None:
        owner = task.metadata.owner
        found = self.now.get(ObjectKey("Job", task.metadata.namespace, owner.name)) if owner else None
        return found if found is not None and owner is not None and found.metadata.uid == owner.uid else None


def _stopped_for_good(mirror: Mirror, task: Task) -> bool:
    """It was to run once, and was stopped, to make room or for its node, and has ended: it has no result, as it came to
    no end of its own, and another index may have its place."""
    node, uid = task.binding.node if task.binding is not None else "", task.metadata.uid
    held = mirror.assignments.get(node, {}).get(uid)
    return task.spec.run_once and held is not None and held.desired == "Stopped" and mirror.is_over(node, uid)


def _over(run: JobRun, uid: str) -> bool:
    return run.job_uid == uid and run.phase.finished
