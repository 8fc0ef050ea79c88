"""What a job does next: parallelism, retries, ends of every kind, suspension, and what is never done twice."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from msgspec.structs import replace

from taskyard.clock import timestamp
from taskyard.objects import JobPhase, Retry, RetryExitCodes, Success
from tests.controlplane.jobs.world import BEGAN, World, a_job


def fails(**codes: int) -> Any:
    """`i3=1`: index 3 always exits with 1; others succeed."""
    by_index = {int(name[1:]): code for name, code in codes.items()}
    return lambda index, _attempt: by_index.get(index, 0)


@pytest.mark.parametrize(("completions", "parallelism"), [(1, 1), (5, 2), (7, 100), (250, 150)])
def test_each_index_runs_once_and_never_more_than_parallelism_live(completions: int, parallelism: int) -> None:
    world = World(a_job(completions=completions, parallelism=parallelism))
    run = world.finish()
    assert (run.phase, run.reason) == (JobPhase.COMPLETE, "Completed")
    assert sorted(world.ran) == [(index, 0) for index in range(completions)]
    assert world.most <= parallelism
    assert run.succeeded == (f"0-{completions - 1}" if completions > 1 else "0")


def test_an_array_of_thousands_costs_a_write_of_the_record_for_each_hundred() -> None:
    world = World(a_job(completions=5000, parallelism=1000, keep_tasks=10))
    world.finish()
    assert world.writes <= 5000 / 100 + 5
    assert len(world.tasks) <= 1000 + 10


def test_a_failed_index_is_tried_again_after_a_wait_that_doubles() -> None:
    world = World(
        a_job(completions=2, parallelism=2), lambda index, attempt: 1 if (index, attempt < 2) == (1, True) else 0
    )
    world.tick()
    decision = world.tick()
    assert decision.run.again["1"].at == timestamp(BEGAN + 1 + 10)
    assert decision.again_in == pytest.approx(10, abs=1)
    assert not decision.makes
    run = world.finish()
    assert run.phase is JobPhase.COMPLETE
    assert world.ran == [(0, 0), (1, 0), (1, 1), (1, 2)]
    assert run.failures == 2


def test_a_clock_that_was_set_back_meanwhile_makes_no_hour_of_the_wait() -> None:
    world = World(a_job(), lambda _, attempt: 1 if attempt == 0 else 0)
    world.tick()
    assert world.tick().run.again
    world.now -= 3600
    assert world.tick().makes == [(0, 1)]


def test_the_job_fails_with_the_first_failure_beyond_the_limit_and_stops_the_rest() -> None:
    world = World(a_job(completions=3, parallelism=3, retry=Retry(limit=2)), lambda index, _: 1 if index == 0 else None)
    run = world.finish()
    assert (run.phase, run.reason, run.failures) == (JobPhase.FAILED, "RetryLimit", 3)
    assert "exited with code 1" in run.message
    assert not any(each.live for each in world.tasks.values())


def test_with_a_limit_for_each_index_the_others_go_on() -> None:
    world = World(a_job(completions=4, parallelism=2, retry=Retry(per_index=1)), fails(i1=1))
    run = world.finish()
    assert (run.phase, run.reason) == (JobPhase.FAILED, "IndexesFailed")
    assert (run.succeeded, run.failed) == ("0,2-3", "1")
    assert world.ran.count((1, 1)) == 1


def test_too_many_failed_indexes_end_the_job_at_once() -> None:
    retry = Retry(per_index=0, max_failed_indexes=1)
    world = World(a_job(completions=100, parallelism=1, retry=retry), lambda _index, _attempt: 1)
    run = world.finish()
    assert (run.reason, len(world.ran)) == ("MaxFailedIndexes", 2)


@pytest.mark.parametrize(
    ("codes", "reason", "ran"),
    [
        pytest.param(RetryExitCodes(fail_job=[2]), "ExitCode", 1, id="fail-job"),
        pytest.param(RetryExitCodes(fail_index=[2]), "IndexesFailed", 2, id="fail-index"),
    ],
)
def test_exit_codes_decide_before_limits(codes: RetryExitCodes, reason: str, ran: int) -> None:
    world = World(a_job(completions=2, retry=Retry(exit_codes=codes)), fails(i0=2))
    assert world.finish().reason == reason
    assert len(world.ran) == ran


def test_an_ignored_exit_code_is_tried_again_and_does_not_count() -> None:
    retry = Retry(limit=0, exit_codes=RetryExitCodes(ignore=[137]))
    world = World(a_job(retry=retry), lambda _index, attempt: 137 if attempt < 5 else 0)
    run = world.finish()
    assert (run.phase, run.failures, len(world.ran)) == (JobPhase.COMPLETE, 0, 6)


@pytest.mark.parametrize(
    ("success", "done"),
    [
        pytest.param(Success(count=1), 1, id="any"),
        pytest.param(Success(indexes="2"), 3, id="a leader"),
        pytest.param(Success(indexes="0-2", count=2), 2, id="some of some"),
    ],
)
def test_a_success_policy_ends_it_early(success: Success, done: int) -> None:
    world = World(a_job(completions=10, success=success))
    run = world.finish()
    assert (run.phase, run.reason, len(world.ran)) == (JobPhase.COMPLETE, "SuccessPolicy", done)


def test_a_deadline_counts_from_the_first_task_and_stops_what_runs() -> None:
    world = World(a_job(active_deadline="5s"), lambda *_: None)
    assert world.finish().reason == "DeadlineExceeded"
    assert world.now - BEGAN == pytest.approx(6, abs=1)
    assert world.tasks == {}


def test_a_suspended_job_stops_its_tasks_and_goes_on_where_it_was() -> None:
    world = World(a_job(completions=3, parallelism=1), lambda index, _: None if index == 1 else 0)
    for _ in range(3):
        world.tick()
    world.change(suspend=True)
    decision = world.tick()
    assert (decision.run.phase, decision.run.started_at, decision.run.failures) == (JobPhase.SUSPENDED, "", 0)
    assert not any(each.live for each in world.tasks.values())
    assert not world.tick().makes
    world.change(suspend=False)
    world.code = lambda *_: 0
    assert world.finish().succeeded == "0-2"
    assert world.ran == [(0, 0), (1, 0), (1, 0), (2, 0)]


def test_less_parallelism_stops_those_that_are_too_many() -> None:
    world = World(a_job(completions=5, parallelism=4), lambda *_: None)
    world.tick()
    world.change(parallelism=1)
    world.tick()
    assert [at for at, each in world.tasks.items() if each.live] == [(0, 0)]


def test_what_was_lost_is_made_again_at_least_once() -> None:
    world = World(a_job(completions=2, parallelism=2), lambda *_: None)
    world.tick()
    del world.tasks[0, 0]
    assert world.tick().makes == [(0, 0)]


def test_what_was_lost_is_unknown_at_most_once() -> None:
    world = World(a_job(completions=2, parallelism=2, guarantee="at-most-once"), lambda *_: None)
    world.tick()
    del world.tasks[0, 0]
    world.code = lambda *_: 0
    run = world.finish()
    assert (run.phase, run.reason, run.unknown, run.succeeded) == (JobPhase.FAILED, "OutcomeUnknown", "0", "1")
    assert world.ran == [(0, 0), (1, 0)]


def test_what_was_cut_short_is_unknown_at_most_once_and_the_job_says_why() -> None:
    world = World(a_job(completions=2, guarantee="at-most-once"), lambda *_: None)
    world.tick()
    world.tasks[0, 0] = dataclasses.replace(world.tasks[0, 0], vanished="evicted from n1: the node is drained")
    world.code = lambda *_: 0
    run = world.finish()
    assert (run.phase, run.reason, run.unknown, run.succeeded) == (JobPhase.FAILED, "OutcomeUnknown", "0", "1")
    assert run.message.endswith("the last: task/resize-0 evicted from n1: the node is drained; it is not run again")
    assert world.ran == [(0, 0), (1, 0)]


def test_at_most_once_a_failure_is_final_and_the_others_go_on() -> None:
    world = World(a_job(completions=3, guarantee="at-most-once"), fails(i0=1))
    run = world.finish()
    assert (run.reason, run.failed, run.succeeded) == ("IndexesFailed", "0", "1-2")
    assert world.ran == [(0, 0), (1, 0), (2, 0)]


def test_at_most_once_a_suspension_lets_those_that_run_end() -> None:
    world = World(a_job(completions=2, guarantee="at-most-once"), lambda *_: None)
    world.tick()
    world.change(suspend=True)
    world.tick()
    assert list(world.tasks) == [(0, 0)]


def test_what_has_finished_stays_so_and_goes_after_its_time() -> None:
    world = World(a_job(ttl_after_finish="1m"))
    run = world.finish()
    world.change(suspend=True)
    decision = world.tick()
    assert decision.run == run
    assert not world.expired
    world.now += decision.again_in or 0
    world.tick()
    assert world.expired


def test_one_that_a_source_declares_stays_after_its_time_without_its_tasks() -> None:
    """Its source would make it anew, and it would run again."""
    job = a_job(completions=3, ttl_after_finish="1m")
    world = World(replace(job, metadata=replace(job.metadata, source="folder/demo")))
    run = world.finish()
    decision = world.tick()
    assert len(world.tasks) == 3
    world.now += decision.again_in or 0
    assert world.tick().run == run
    assert not world.expired
    assert not world.tasks


def test_the_newest_of_those_that_have_ended_are_kept() -> None:
    world = World(a_job(completions=10, keep_tasks=3))
    world.finish()
    world.tick()
    assert sorted(world.tasks) == [(7, 0), (8, 0), (9, 0)]


def test_a_name_that_something_else_has_is_passed_over_and_waited_for() -> None:
    from controlplane.jobs.decide import Situation, decide

    job = a_job(completions=2, parallelism=2)
    assert decide(Situation(job, None, [], BEGAN, frozenset({"resize-0"}))).makes == [(1, 0)]
    once = a_job(completions=2, parallelism=2, guarantee="at-most-once")
    decision = decide(Situation(once, None, [], BEGAN, frozenset({"resize-0"})))
    assert (decision.makes, decision.run.next) == ([], 0)
