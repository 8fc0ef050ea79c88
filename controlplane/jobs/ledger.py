"""How outcomes are entered into a job's record: which indexes are done, which failed, and which are tried again. Pure.

An outcome counts once: it is about one try of one index, and only the try that the record waits for is entered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from controlplane.jobs.tasks import JobTask
from taskyard.clock import timestamp
from taskyard.indexes import Indexes
from taskyard.objects import Again, JobPhase, JobRun, JobSpec, Result, RetryBackoff
from taskyard.quantity import seconds


@dataclass(frozen=True, slots=True)
class End:
    phase: JobPhase
    reason: str
    message: str


class Ledger:
    def __init__(self, spec: JobSpec, run: JobRun, now: float) -> None:
        self.spec = spec
        self._run = run
        self._now = now
        self.succeeded = Indexes.parse(run.succeeded)
        self.failed = Indexes.parse(run.failed)
        self.unknown = Indexes.parse(run.unknown)
        self.again = dict(run.again)
        self.failures = run.failures
        self._last_failure = run.last_failure
        self._ends_job = ""

    @property
    def settled(self) -> Indexes:
        """Those that get no task any more."""
        return self.succeeded | self.failed | self.unknown

    def attempt(self, index: int) -> int:
        """Of the try that is waited for."""
        found = self.again.get(str(index))
        return found.attempt if found is not None else 0

    def enter(self, tasks: Sequence[JobTask]) -> None:
        """All that have ended, and are not in it."""
        settled, well, unknown = self.settled, set[int](), set[int]()
        for each in tasks:
            if each.live or each.index in settled or each.attempt != self.attempt(each.index):
                continue
            if each.vanished:
                unknown.add(each.index)
                self._last_failure = f"task/{each.task.metadata.name} {each.vanished}; it is not run again"
            elif each.outcome is not None and each.outcome.succeeded:
                well.add(each.index)
            elif each.outcome is not None:
                self._fail(each.index, each.outcome)
        self.succeeded = self.succeeded.with_all(well)
        self.lose(unknown)
        for index in well:
            self.again.pop(str(index), None)

    def lose(self, indexes: set[int]) -> None:
        """Nobody can know of these any more."""
        self.unknown = self.unknown.with_all(indexes)

    def _fail(self, index: int, outcome: Result) -> None:
        retry, codes = self.spec.retry, self.spec.retry.exit_codes
        self._last_failure = f"task/{outcome.name} {outcome.message or outcome.reason}"
        known = self.again.get(str(index), Again(attempt=0, failures=0, at=""))
        counts = outcome.exit_code not in codes.ignore
        failures = known.failures + counts
        self.failures += counts
        if outcome.exit_code in codes.fail_job:
            self._ends_job = f"{self._last_failure}, which retry.exitCodes.failJob names"
        limited = retry.per_index is not None and failures > retry.per_index
        if limited or outcome.exit_code in codes.fail_index or self.spec.guarantee == "at-most-once":
            self.failed = self.failed.with_all([index])
            self.again.pop(str(index), None)
            return
        following = known.attempt + 1
        at = timestamp(self._now + wait_before(retry.backoff, following))
        self.again[str(index)] = Again(attempt=following, failures=failures, at=at)

    def end(self) -> End | None:
        """What the job has come to by its tasks."""
        retry, spec = self.spec.retry, self.spec
        if self._ends_job:
            return End(JobPhase.FAILED, "ExitCode", self._ends_job)
        wanted = Indexes.parse(spec.success.indexes) if spec.success.indexes else None
        among = self.succeeded if wanted is None else [index for index in self.succeeded if index in wanted]
        needed = spec.success.count or (spec.completions if wanted is None else len(wanted))
        if len(among) >= needed:
            early = len(self.succeeded) < spec.completions
            text = f"{len(self.succeeded)} of {spec.completions} tasks succeeded"
            return End(JobPhase.COMPLETE, "SuccessPolicy" if early else "Completed", text)
        by_limit = retry.per_index is None and spec.guarantee == "at-least-once"
        if by_limit and self.failures > retry.limit:
            text = f"{self.failures} failures are more than retry.limit, {retry.limit}; the last: {self._last_failure}"
            return End(JobPhase.FAILED, "RetryLimit", text)
        most = retry.max_failed_indexes
        if most is not None and len(self.failed) > most:
            text = f"indexes {self.failed} failed, more than retry.maxFailedIndexes, {most}"
            return End(JobPhase.FAILED, "MaxFailedIndexes", text)
        if len(self.settled) < spec.completions:
            return None
        if self.unknown.spans:
            text = f"nobody can know how the tasks of indexes {self.unknown} ended, and they are not to run twice"
            text += f"; the last: {self._last_failure}" if self._last_failure else ""
            return End(JobPhase.FAILED, "OutcomeUnknown", text)
        text = f"indexes {self.failed} failed; the last: {self._last_failure}"
        return End(JobPhase.FAILED, "IndexesFailed", text)

    def run(self) -> JobRun:
        """The record with all that was entered; equal to what it was when that is nothing."""
        return replace(
            self._run,
            succeeded=str(self.succeeded),
            failed=str(self.failed),
            unknown=str(self.unknown),
            again=self.again,
            failures=self.failures,
            last_failure=self._last_failure,
        )


def wait_before(backoff: RetryBackoff, attempt: int) -> float:
    """Seconds; `attempt` is 1 for the first retry."""
    return min(seconds(backoff.initial) * 2.0 ** min(attempt - 1, 40), seconds(backoff.max))
