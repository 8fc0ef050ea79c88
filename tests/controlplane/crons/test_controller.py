"""Crons on a real cache and store: each time once, across leaders, outages and overlaps."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from controlplane.crons.gather import standing
from taskyard import keys
from taskyard.clock import timestamp
from taskyard.keys import ObjectKey
from taskyard.objects import (
    Cron,
    CronHistory,
    CronRun,
    CronSpec,
    Job,
    JobPhase,
    JobRun,
    JobSpec,
    JobTemplate,
    Metadata,
    TaskSpec,
    TaskTemplate,
    decode,
)
from tests.support.plane import Plane, a_uid

BEGAN = 1_700_000_000.0 // 60 * 60
NIGHTLY = keys.object_key(ObjectKey("Cron", "default", "nightly"))


def a_cron(plane: Plane, **spec: object) -> Cron:
    template = JobTemplate(spec=JobSpec(template=TaskTemplate(spec=TaskSpec(image="a:1"))))
    made = CronSpec(**{"schedule": "* * * * *", "template": template, **spec})  # type: ignore[arg-type]
    metadata = Metadata(name="nightly", uid=a_uid(9), generation=1, created_at=timestamp(plane.clock.now()))
    return Cron(metadata=metadata, spec=made)


def jobs(plane: Plane) -> list[str]:
    return [decode(entry.value, Job).metadata.name for entry in plane.store.list(keys.JOBS).entries]


def run_of(plane: Plane) -> CronRun:
    entry = plane.store.get(keys.ticks("default", "nightly"))
    assert entry is not None
    return decode(entry.value, CronRun)


def settle(plane: Plane) -> None:
    plane.elector.step()
    plane.settle(plane.crons, plane.ownership)


def end(plane: Plane, name: str, phase: JobPhase = JobPhase.COMPLETE) -> None:
    entry = plane.store.get(keys.object_key(ObjectKey("Job", "default", name)))
    assert entry is not None
    uid = decode(entry.value, Job).metadata.uid
    plane.put(keys.run("default", name), JobRun(job_uid=uid, phase=phase, finished_at=timestamp(plane.clock.now())))


def named(minute: int) -> str:
    """Of the job of so many minutes after the first."""
    return f"nightly-{int(BEGAN // 60) + minute}"


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    assert plane.clock.now() - BEGAN == 20  # 40 s before the first minute is over
    return plane


def live(plane: Plane, seconds: int) -> None:
    for _ in range(seconds):
        plane.clock.advance(1)
        settle(plane)


def test_a_job_is_made_when_its_time_has_come(plane: Plane) -> None:
    plane.put(NIGHTLY, a_cron(plane))
    live(plane, 38)
    assert jobs(plane) == []
    live(plane, 4)
    assert jobs(plane) == [named(1)]
    live(plane, 60)
    assert jobs(plane) == [named(1), named(2)]
    assert run_of(plane).made == 2
    made = decode(plane.store.list(keys.JOBS).entries[0].value, Job).metadata
    assert made.owner is not None
    assert (made.owner.kind, made.labels["taskyard/cron"]) == ("Cron", "nightly")
    assert made.annotations["taskyard/scheduled-at"] == timestamp(BEGAN + 60)


def test_each_time_once_whoever_leads(plane: Plane) -> None:
    """The leader changes within every minute, at another moment each time, also between decision and write."""
    plane.put(NIGHTLY, a_cron(plane))
    planes = [plane, Plane(clock=plane.clock, store=plane.store, identity="cp2")]
    leader = 0
    for second in range(600):
        plane.clock.advance(1)
        if second % 17 == 16:
            planes[leader].elector.resign()
            leader = 1 - leader
        planes[leader].elector.step()
        for each in planes:  # The one that does not lead any more tries as well, with what it knew.
            each.pump()
            each.crons.step()
    assert jobs(plane) == [named(minute) for minute in range(1, 11)]
    versions = [entry.version for entry in plane.store.list(keys.JOBS).entries]
    assert versions == [1] * 10
    assert run_of(plane).made == 10


def test_it_waits_while_its_record_cannot_be_read_and_then_goes_on(plane: Plane) -> None:
    """The job of the last time is gone already: a cron that began anew would run it again."""
    plane.put(NIGHTLY, a_cron(plane, history=CronHistory(succeeded=0)))
    live(plane, 42)
    end(plane, named(1))
    live(plane, 1)
    assert jobs(plane) == []
    good, place = run_of(plane), keys.ticks("default", "nightly")
    plane.put(place, b'{"cronUid": 3}')
    live(plane, 5)
    entry = plane.store.get(place)
    assert entry is not None
    assert entry.value == b'{"cronUid": 3}'
    assert jobs(plane) == []
    (event,) = plane.told("RecordUnreadable")
    assert f"{place} cannot be read" in event.message
    assert "delete that key" in event.message
    record = plane.cache.objects[ObjectKey("Cron", "default", "nightly")]
    assert isinstance(record.value, Cron)
    assert standing(plane.cache, record.value).message == event.message
    plane.put(place, good)
    live(plane, 5)
    assert jobs(plane) == []
    live(plane, 60)
    assert jobs(plane) == [named(2)]


def test_of_those_that_were_missed_only_the_latest_is_made(plane: Plane) -> None:
    plane.put(NIGHTLY, a_cron(plane))
    plane.clock.advance(600)
    settle(plane)
    assert jobs(plane) == [named(10)]


def test_one_that_was_missed_by_more_than_its_deadline_is_left_out(plane: Plane) -> None:
    plane.put(NIGHTLY, a_cron(plane, schedule="0 * * * *", starting_deadline="10m"))
    plane.clock.advance(3600 * 2)
    settle(plane)
    assert jobs(plane) == []
    assert "startingDeadline (10m) is over" in plane.told("Skipped")[0].message


def test_forbid_leaves_out_what_overlaps(plane: Plane) -> None:
    plane.put(NIGHTLY, a_cron(plane, overlap="forbid"))
    live(plane, 42)
    live(plane, 60)
    assert jobs(plane) == [named(1)]
    assert f"job/{named(1)} has not finished" in run_of(plane).message
    end(plane, named(1))
    live(plane, 60)
    assert jobs(plane) == [named(1), named(3)]


def test_replace_waits_until_the_one_before_is_gone(plane: Plane) -> None:
    plane.put(NIGHTLY, a_cron(plane, overlap="replace"))
    live(plane, 42)
    for _ in range(60):
        plane.clock.advance(1)
        plane.elector.step()
    plane.settle(plane.crons)
    entry = plane.store.list(keys.JOBS).entries[0]
    assert decode(entry.value, Job).metadata.deletion_timestamp
    assert jobs(plane) == [named(1)]
    (told,) = plane.told("Replaced")
    assert told.message.startswith(f"job/{named(1)} has not finished, and the next is due")
    settle(plane)
    assert jobs(plane) == [named(2)]


def test_what_is_suspended_makes_nothing_and_catches_up_on_nothing(plane: Plane) -> None:
    cron = a_cron(plane, suspend=True)
    plane.put(NIGHTLY, cron)
    live(plane, 42)
    assert run_of(plane).skipped == 1
    plane.put(NIGHTLY, replace(cron, spec=replace(cron.spec, suspend=False)))
    live(plane, 10)
    assert jobs(plane) == []
    live(plane, 50)
    assert jobs(plane) == [named(2)]


def test_the_newest_of_those_that_have_finished_are_kept(plane: Plane) -> None:
    plane.put(NIGHTLY, a_cron(plane, history=CronHistory(succeeded=2, failed=1)))
    live(plane, 41)
    for minute in range(1, 7):
        end(plane, named(minute), JobPhase.FAILED if minute % 2 else JobPhase.COMPLETE)
        live(plane, 60)
    assert jobs(plane) == [named(4), named(5), named(6), named(7)]


def test_another_s_job_of_that_name_is_left_alone(plane: Plane) -> None:
    template = TaskTemplate(spec=TaskSpec(image="b:1"))
    other = Job(metadata=Metadata(name=named(1), uid=a_uid(1), generation=1), spec=JobSpec(template=template))
    plane.put(keys.object_key(ObjectKey("Job", "default", named(1))), other)
    plane.put(NIGHTLY, a_cron(plane))
    live(plane, 42)
    assert run_of(plane).skipped == 1
    live(plane, 60)
    assert jobs(plane) == [named(1), named(2)]


def test_deleting_it_takes_its_jobs_and_its_record_along(plane: Plane) -> None:
    cron = a_cron(plane)
    plane.put(NIGHTLY, cron)
    live(plane, 42)
    gone = timestamp(plane.clock.now())
    plane.put(NIGHTLY, replace(cron, metadata=replace(cron.metadata, deletion_timestamp=gone)))
    settle(plane)
    for prefix in (keys.JOBS, keys.TICKS, keys.CRONS):
        assert plane.store.list(prefix).entries == ()
