"""A service's tasks, look by look: how many there are, how many may be missing, and what a change costs."""

from __future__ import annotations

from typing import Literal

import pytest
from msgspec.structs import replace

from taskyard.annotations import RESUMED_AT
from taskyard.objects import Phase, TemplateMetadata, Update
from tests.controlplane.services.world import World, a_service


def running(**service: object) -> World:
    world = World(a_service(**service))  # type: ignore[arg-type]
    world.run()
    world.watch()
    return world


def phase(world: World) -> Phase:
    assert world.rollout is not None
    return world.rollout.phase


def test_tasks_are_made_at_once_and_the_first_rollout_completes() -> None:
    world = World(a_service(replicas=5))
    assert [make.slot for make in world.tick().makes] == ["0", "1", "2", "3", "4"]
    world.run()
    assert (phase(world), world.rollout.stable if world.rollout else 0) == (Phase.COMPLETE, 1)


def test_nothing_is_written_while_nothing_changes() -> None:
    world = running()
    world.run()
    assert world.writes == 0


@pytest.mark.parametrize(
    ("before", "after", "slots"),
    [(3, 5, ["0", "1", "2", "3", "4"]), (5, 2, ["0", "1"]), (2, 0, [])],
    ids=["up", "down, the highest go", "to none"],
)
def test_scaling(before: int, after: int, slots: list[str]) -> None:
    world = running(replicas=before)
    world.apply(replicas=after)
    world.run()
    assert list(world.images()) == slots
    assert world.writes == abs(after - before)
    assert phase(world) is Phase.COMPLETE


def test_a_slot_that_is_gone_is_filled_again() -> None:
    world = running()
    del world.tasks["1"]
    world.run()
    assert list(world.images()) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("update", "fewest", "most", "extra_writes"),
    [
        pytest.param(Update(), 9, 10, 0, id="stop-first, one at a time"),
        pytest.param(Update(parallelism=4), 6, 10, 0, id="stop-first, four at a time"),
        pytest.param(Update(parallelism=4, max_unavailable=2), 8, 10, 0, id="two may be missing"),
        pytest.param(Update(order="start-first", parallelism=3), 10, 13, 6, id="start-first, three at a time"),
        pytest.param(Update(order="start-first", parallelism=10), 10, 20, 20, id="start-first, all at once"),
        pytest.param(Update(max_surge=2, parallelism=3, max_unavailable=1), 9, 12, 4, id="both"),
        pytest.param(Update(parallelism=100), 0, 10, 0, id="all at once"),
    ],
)
def test_a_rolling_update_keeps_its_limits_and_writes_each_task_once(
    update: Update, fewest: int, most: int, extra_writes: int
) -> None:
    world = running(replicas=10, update=update)
    world.apply(image="a:2")
    world.run()
    assert set(world.images().values()) == {"a:2"}
    assert list(world.images()) == [str(slot) for slot in range(10)]
    assert (world.fewest, world.most) == (fewest, most)
    # Two for the rollout itself: begun, and complete.
    assert world.writes == 10 + 2 + extra_writes
    assert phase(world) is Phase.COMPLETE


def test_only_what_differs_is_replaced() -> None:
    world = running()
    world.apply(image="a:2")
    world.tick()
    assert world.images() == {"0": "a:2", "1": "a:1", "2": "a:1"}
    world.watch()
    world.apply(image="a:1")
    world.run()
    assert set(world.images().values()) == {"a:1"}
    assert world.writes == 1 + 2


def test_what_is_broken_anyway_goes_first() -> None:
    world = running(update=Update())
    world.since["2"] = world.now
    world.apply(image="a:2")
    world.tick()
    assert world.images() == {"0": "a:1", "1": "a:1", "2": "a:2"}


def test_min_ready_and_delay_hold_the_next_one_back() -> None:
    world = running(update=Update(min_ready="3s", delay="5s"))
    world.apply(image="a:2")
    world.tick()
    began = world.now
    while list(world.images().values()).count("a:2") < 2:
        world.tick()
    assert world.now - began >= 2 + 5


def test_a_pause_stops_it_and_still_keeps_the_number() -> None:
    world = running()
    world.apply(image="a:2")
    world.tick()
    world.apply(paused=True)
    del world.tasks["2"]
    world.run()
    assert world.images() == {"0": "a:2", "1": "a:1", "2": "a:2"}
    world.apply(paused=False)
    world.run()
    assert set(world.images().values()) == {"a:2"}


def test_what_is_declared_while_it_is_paused_is_one_revision() -> None:
    world = running()
    world.apply(paused=True)
    for image in ("a:2", "a:3"):
        world.apply(image=image)
        world.run()
    assert set(world.images().values()) == {"a:1"}
    world.apply(paused=False)
    world.run()
    assert world.rollout is not None
    assert [each.template.spec.image for each in world.rollout.revisions] == ["a:1", "a:3"]


def test_a_failure_stops_the_rollout_at_the_first_task() -> None:
    world = running(replicas=5)
    world.bad = frozenset({"a:2"})
    world.apply(image="a:2")
    world.run()
    assert list(world.images().values()) == ["a:2", "a:1", "a:1", "a:1", "a:1"]
    assert phase(world) is Phase.FAILED
    assert world.rollout is not None
    assert world.rollout.message == "task/web-0 failed: exit 1"
    world.apply(image="a:3")
    world.run()
    assert set(world.images().values()) == {"a:3"}


def test_a_failure_rolls_back_by_itself_and_stays_there() -> None:
    world = running(replicas=5, update=Update(on_failure="rollback"))
    world.bad = frozenset({"a:2"})
    world.apply(image="a:2")
    world.run()
    assert set(world.images().values()) == {"a:1"}
    assert phase(world) is Phase.ROLLED_BACK
    assert world.rollout is not None
    assert (world.rollout.target, world.rollout.revisions[-1].number) == (1, 2)
    assert world.fewest == 4


def test_a_first_rollout_has_nothing_to_go_back_to() -> None:
    world = World(a_service(update=Update(on_failure="rollback")), bad=frozenset({"a:1"}))
    world.run()
    assert phase(world) is Phase.FAILED


def test_a_leader_that_counts_anew_takes_nothing_away_that_may_be_available() -> None:
    update = Update(parallelism=3, max_unavailable=1, min_ready="10s")
    world = running(replicas=3, update=update)
    world.led_since = world.now
    world.apply(image="a:2")
    world.run()
    assert world.fewest == 2
    assert set(world.images().values()) == {"a:2"}


def test_failures_may_be_passed_over() -> None:
    world = running(replicas=4, update=Update(on_failure="continue"))
    world.bad = frozenset({"a:2"})
    world.apply(image="a:2")
    world.run()
    assert set(world.images().values()) == {"a:2"}


def test_what_makes_no_progress_is_passed_over_after_the_deadline() -> None:
    world = running(update=Update(on_failure="continue", progress_deadline="30s"))
    world.apply(image="a:2")
    for _ in range(10):
        if world.images()["0"] == "a:2":
            world.since["0"] = world.now  # Waits for room, for ever.
        world.tick()
    assert list(world.images().values()) == ["a:2", "a:1", "a:1"]
    for _ in range(120):
        world.since["0"] = world.now
        world.tick()
    assert list(world.images().values()) == ["a:2"] * 3
    assert phase(world) is Phase.COMPLETE


def test_without_progress_it_fails_after_the_deadline() -> None:
    world = running(update=Update(progress_deadline="30s"))
    world.unfetched = "manifest unknown"
    world.apply(image="a:2")
    world.tick()
    for _ in range(40):
        world.since["0"] = world.now  # never ready
        world.tick()
    assert phase(world) is Phase.FAILED
    assert world.rollout is not None
    assert "no progress for 30s; task/web-0 is not ready: manifest unknown" in world.rollout.message
    assert list(world.images().values()) == ["a:2", "a:1", "a:1"]


def test_start_first_without_room_leaves_all_that_runs() -> None:
    world = running(update=Update(order="start-first", progress_deadline="30s"))
    world.apply(image="a:2")
    for _ in range(40):
        if "3" in world.tasks:
            world.since["3"] = world.now  # Pending for ever
        world.tick()
    assert phase(world) is Phase.FAILED
    assert [image for slot, image in world.images().items() if slot != "3"] == ["a:1"] * 3
    world.run()
    assert list(world.images()) == ["0", "1", "2"]


def test_scaling_in_the_middle_of_a_rollout() -> None:
    world = running(replicas=6, update=Update(order="start-first", parallelism=2))
    world.apply(image="a:2")
    for _ in range(4):
        world.tick()
    world.apply(replicas=3)
    world.run()
    assert world.images() == {"0": "a:2", "1": "a:2", "2": "a:2"}
    assert phase(world) is Phase.COMPLETE


def test_another_change_in_the_middle_of_a_rollout() -> None:
    world = running(replicas=6, update=Update(order="start-first", parallelism=2))
    world.apply(image="a:2")
    for _ in range(4):
        world.tick()
    world.apply(image="a:3")
    world.run()
    assert world.images() == {str(slot): "a:3" for slot in range(6)}
    assert world.fewest == 6


def test_labels_change_without_a_restart() -> None:
    world = running()
    before = dict(world.since)
    world.apply(template=replace(world.service.spec.template, metadata=TemplateMetadata(labels={"tier": "a"})))
    world.run()
    assert all(task.metadata.labels["tier"] == "a" for task in world.tasks.values())
    assert world.since == before


@pytest.mark.parametrize(
    ("on_failure", "ended"), [("pause", Phase.FAILED), ("rollback", Phase.ROLLED_BACK)], ids=["failed", "rolled back"]
)
def test_somebody_s_word_has_what_failed_tried_again_once(
    on_failure: Literal["pause", "rollback"], ended: Phase
) -> None:
    world = running(update=Update(on_failure=on_failure))
    world.bad = frozenset({"a:2"})
    world.apply(image="a:2")
    world.run()
    assert phase(world) is ended
    world.bad = frozenset()
    before = world.images()
    for _ in range(5):
        world.tick()
    assert before == world.images(), "not by itself"
    resume(world, "2026-11-22T20:57:48Z")
    world.run()
    assert set(world.images().values()) == {"a:2"}
    assert phase(world) is Phase.COMPLETE
    assert world.rollout is not None
    assert world.rollout.revisions[-1].number == 2, "it is the same revision"


def test_a_word_that_was_given_before_the_failure_does_not_count_for_it() -> None:
    world = running(update=Update(on_failure="rollback"))
    resume(world, "2026-11-22T20:57:48Z")
    world.bad = frozenset({"a:2"})
    world.apply(image="a:2")
    world.run()
    assert phase(world) is Phase.ROLLED_BACK
    assert set(world.images().values()) == {"a:1"}


def given_up() -> World:
    """A rollout that has failed, and whose task stays failed when its cause is mended."""
    world = running(update=Update())
    world.gives_up, world.bad = True, frozenset({"a:2"})
    world.apply(image="a:2")
    world.run()
    assert phase(world) is Phase.FAILED
    return world


@pytest.mark.parametrize("paused", [False, True], ids=["failed", "and paused since"])
def test_what_has_failed_is_made_anew_when_somebody_has_it_tried_again(paused: bool) -> None:
    world = given_up()
    world.bad = frozenset()
    if paused:
        world.apply(paused=True)
        world.run()
        world.apply(paused=False)
    resume(world, "2026-11-22T20:57:48Z")
    world.run()
    assert phase(world) is Phase.COMPLETE
    assert set(world.images().values()) == {"a:2"}


def test_it_fails_again_once_what_was_made_anew_has_failed() -> None:
    world = given_up()
    world.watch()
    resume(world, "2026-11-22T20:57:48Z")
    world.run()
    assert phase(world) is Phase.FAILED
    assert (world.writes, world.fewest) == (4, 2), "one task goes and comes back, and the rollout is tried and fails"


def resume(world: World, at: str) -> None:
    metadata = replace(world.service.metadata, annotations={RESUMED_AT: at})
    world.service = replace(world.service, metadata=metadata)
