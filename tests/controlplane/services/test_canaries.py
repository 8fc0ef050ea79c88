"""Canaries: how many tasks have another template before somebody, or time, promotes it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from taskyard.annotations import PROMOTED_REVISION
from taskyard.objects import Canary, Phase, Update
from tests.controlplane.services.world import World, a_service


def running(update: Update, replicas: int = 5) -> World:
    world = World(a_service(replicas=replicas, update=update))
    world.run()
    world.watch()
    return world


def with_it(world: World, image: str = "a:2") -> int:
    return list(world.images().values()).count(image)


def phase(world: World) -> Phase:
    assert world.rollout is not None
    return world.rollout.phase


def promote(world: World, revision: int) -> None:
    metadata = replace(world.service.metadata, annotations={PROMOTED_REVISION: str(revision)})
    world.service = replace(world.service, metadata=metadata)


@pytest.mark.parametrize(
    ("canary", "replicas", "expected"),
    [
        pytest.param(Canary(), 5, 1, id="one when nothing is said"),
        pytest.param(Canary(tasks=3), 5, 3, id="tasks"),
        pytest.param(Canary(percent=30), 5, 2, id="percent, rounded up"),
        pytest.param(Canary(percent=1), 5, 1, id="never none"),
    ],
)
def test_so_many_have_it_until_it_is_promoted(canary: Canary, replicas: int, expected: int) -> None:
    world = running(Update(canary=canary, parallelism=2), replicas)
    world.apply(image="a:2")
    world.run()
    assert (with_it(world), phase(world)) == (expected, Phase.AWAITING_PROMOTION)
    promote(world, 2)
    world.run()
    assert (with_it(world), phase(world)) == (replicas, Phase.COMPLETE)
    # Each task once; and begun, waiting, promoted, complete.
    assert world.writes == replicas + 4


def test_a_promotion_of_another_revision_promotes_nothing() -> None:
    world = running(Update(canary=Canary()))
    world.apply(image="a:2")
    promote(world, 1)
    world.run()
    assert with_it(world) == 1
    promote(world, 2)
    world.apply(image="a:3")
    world.run()
    assert (with_it(world, "a:2"), with_it(world, "a:3"), phase(world)) == (0, 1, Phase.AWAITING_PROMOTION)


def test_stand_ins_are_the_canaries_where_there_are_any() -> None:
    world = running(Update(canary=Canary(), order="start-first"), 3)
    world.apply(image="a:2")
    world.run()
    assert world.images() == {"0": "a:1", "1": "a:1", "2": "a:1", "3": "a:2"}
    world.apply(image="a:1")
    world.run()
    assert world.images() == {"0": "a:1", "1": "a:1", "2": "a:1"}
    assert (phase(world), world.fewest) == (Phase.COMPLETE, 3)


def test_it_is_promoted_by_itself_once_they_stayed_available() -> None:
    world = running(Update(canary=Canary(tasks=2, promote_after="30s"), parallelism=2, min_ready="4s"))
    world.apply(image="a:2")
    for _ in range(20):
        world.tick()
    # One of them fails its check for a moment: the time begins anew.
    world.since["1"] = began = world.now
    while with_it(world) < 3:
        world.tick()
    assert 36 <= world.now - began <= 42
    world.run()
    assert (with_it(world), phase(world)) == (5, Phase.COMPLETE)


@pytest.mark.parametrize(
    ("on_failure", "left", "ended"),
    [("pause", 1, Phase.FAILED), ("rollback", 0, Phase.ROLLED_BACK), ("continue", 1, Phase.AWAITING_PROMOTION)],
)
def test_a_canary_that_fails_is_a_failure_of_the_update(on_failure: str, left: int, ended: Phase) -> None:
    update = Update(canary=Canary(promote_after="10s"), on_failure=on_failure)  # type: ignore[arg-type]
    world = running(update)
    world.apply(image="a:2")
    for _ in range(6):
        world.tick()
    assert (with_it(world), phase(world)) == (1, Phase.AWAITING_PROMOTION)
    world.bad = frozenset({"a:2"})
    for _ in range(60):
        world.tick()
    assert (with_it(world), phase(world)) == (left, ended)


def test_waiting_is_no_lack_of_progress() -> None:
    world = running(Update(canary=Canary(), progress_deadline="20s"))
    world.apply(image="a:2")
    for _ in range(100):
        world.tick()
    assert phase(world) is Phase.AWAITING_PROMOTION


def test_while_it_is_paused_nothing_is_promoted() -> None:
    world = running(Update(canary=Canary(promote_after="5s")))
    world.apply(image="a:2")
    for _ in range(4):
        world.tick()
    world.apply(paused=True)
    for _ in range(30):
        world.tick()
    assert with_it(world) == 1
    world.apply(paused=False)
    world.run()
    assert with_it(world) == 5


def test_what_was_never_promoted_is_gone_back_from_at_once() -> None:
    world = running(Update(canary=Canary(tasks=2)))
    world.apply(image="a:2")
    world.run()
    world.apply(image="a:1")
    world.run()
    assert (with_it(world, "a:1"), phase(world)) == (5, Phase.COMPLETE)


def test_what_comes_new_meanwhile_is_of_the_last_template_that_all_had() -> None:
    world = running(Update(canary=Canary()))
    world.apply(image="a:2")
    world.run()
    world.apply(replicas=8)
    del world.tasks["0"]
    world.run()
    assert with_it(world) == 1
    assert with_it(world, "a:1") == 7


def test_without_canaries_any_more_it_goes_on() -> None:
    world = running(Update(canary=Canary()))
    world.apply(image="a:2")
    world.run()
    world.apply(update=Update())
    world.run()
    assert (with_it(world), phase(world)) == (5, Phase.COMPLETE)


def test_the_first_template_needs_no_promotion() -> None:
    assert phase(running(Update(canary=Canary()))) is Phase.COMPLETE


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("image"), st.sampled_from(["a:1", "a:2", "a:3"])),
        st.tuples(st.just("replicas"), st.integers(0, 6)),
        st.tuples(st.just("paused"), st.booleans()),
        st.tuples(st.just("lose"), st.integers(0, 7)),
        st.tuples(st.just("unready"), st.integers(0, 7)),
        st.tuples(st.just("bad"), st.sampled_from(["a:1", "a:2", "a:3", ""])),
        st.tuples(st.just("promote"), st.integers(1, 6)),
        st.tuples(st.just("wait"), st.integers(1, 8)),
    ),
    max_size=25,
)


@settings(max_examples=300)
@given(
    steps=STEPS,
    order=st.sampled_from(["stop-first", "start-first"]),
    parallelism=st.integers(1, 3),
    canary=st.sampled_from([Canary(), Canary(tasks=2), Canary(percent=40), Canary(promote_after="6s")]),
    on_failure=st.sampled_from(["pause", "rollback", "continue"]),
)
def test_no_look_gives_it_to_more_than_the_canaries(
    steps: list[tuple[str, object]], order: str, parallelism: int, canary: Canary, on_failure: str
) -> None:
    update = Update(order=order, parallelism=parallelism, canary=canary, on_failure=on_failure)  # type: ignore[arg-type]
    world = World(a_service(replicas=4, update=update))
    world.run()
    for what, value in steps:
        match what:
            case "image" | "replicas" | "paused":
                world.apply(**{what: value})
            case "lose":
                world.tasks.pop(str(value), None)
            case "unready" if str(value) in world.tasks:
                world.since[str(value)] = world.now
            case "bad":
                world.bad = frozenset({str(value)})
            case "promote":
                promote(world, int(str(value)))
        for _ in range(int(str(value)) if what == "wait" else 1):
            _look(world, canary)


def _look(world: World, canary: Canary) -> None:
    """One look; what it gives the template that is rolled out is counted against what was so before it."""
    before, image = world.rollout, world.service.spec.template.spec.image
    had = with_it(world, image)
    world.tick()
    after = world.rollout
    assert before is not None
    assert after is not None
    more = with_it(world, image) - had
    if before.promoted != after.promoted:
        assert after.promoted == after.target > before.promoted
        asked = world.service.metadata.annotations.get(PROMOTED_REVISION) == str(after.target)
        assert asked or canary.promote_after is not None
        assert more <= 0
    held = after.promoted != after.revisions[-1].number and before.stable not in (0, after.target)
    if held and after.revision(before.stable).template.spec.image != image and more > 0:
        assert with_it(world, image) <= canary.of(world.service.spec.replicas)
