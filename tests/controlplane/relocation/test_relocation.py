"""A task that keeps failing on its node is tried on others, as often as it says, and remembers where it has failed."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from controlplane.placement import Explanation, NodeVerdict
from controlplane.placement.refusing import Failure
from controlplane.relocation.decide import Elsewhere, elsewhere
from taskyard import keys
from taskyard.clock import timestamp
from taskyard.objects import Metadata, NodeSpec, Restart, TaskState, TaskStatus, Volume
from tests.support.plane import Plane, a_spec, a_task, a_uid

UID = a_uid(1)


def found(*names: str, refusing: tuple[str, ...] = ()) -> Explanation:
    """The first fits best."""
    fits = [NodeVerdict(name, (), -float(at)) for at, name in enumerate(names)]
    return Explanation((*fits, *(NodeVerdict(name, (Failure("cordon"),)) for name in refusing)))


@pytest.mark.parametrize(
    ("where", "avoid", "expected"),
    [
        pytest.param(found("n1", "n2", "n3"), [], Elsewhere("n2", ("n1",)), id="the-best-other-one"),
        pytest.param(found("n1", "n2", "n3"), ["n2"], Elsewhere("n3", ("n2", "n1")), id="not-where-it-failed"),
        pytest.param(found("n1", "n2", "n3"), ["n3", "n2"], Elsewhere("n3", ("n2", "n1")), id="the-longest-ago-again"),
        pytest.param(found("n1", "n2", refusing=("n3",)), ["n2"], Elsewhere("n2", ("n1",)), id="back-and-forth"),
        pytest.param(found("n1", refusing=("n2",)), [], None, id="nowhere-else"),
        pytest.param(
            found("n1", "n99"), [f"n{i}" for i in range(10, 40)],
            Elsewhere("n99", (*(f"n{i}" for i in range(25, 40)), "n1")), id="remembers-the-last",
        ),
    ],
)  # fmt: skip
def test_where_it_goes(where: Explanation, avoid: list[str], expected: Elsewhere | None) -> None:
    assert elsewhere(where, "n1", avoid) == expected


@pytest.fixture
def plane() -> Plane:
    made = Plane()
    for name in ("n1", "n2", "n3"):
        made.add_node(name)
    spec = replace(a_spec(), restart=Restart(elsewhere_after=3))
    made.add_task(a_task("web", UID, spec))
    made.lead()
    settle(made)
    assert made.node_of("web") == "n1"
    return made


def settle(plane: Plane) -> None:
    plane.settle(plane.relocation, plane.scheduler)
    plane.events.flush()


def change(plane: Plane, **spec: object) -> None:
    task = plane.task("web")
    plane.add_task(replace(task, spec=replace(task.spec, **spec)))
    settle(plane)


def fail(plane: Plane, times: int, **changes: object) -> None:
    """Where it is now."""
    binding = plane.task("web").binding
    assert binding is not None
    status = TaskStatus(
        uid=UID, namespace="default", name="web", epoch=binding.epoch, attempt=times + 1, state=TaskState.STARTING,
        reason="BackOff", backoff_step=times, next_attempt_at=timestamp(plane.clock.now() + 8.0),
    )  # fmt: skip
    plane.put(keys.status(binding.node, UID), replace(status, **changes))
    settle(plane)


def where(plane: Plane) -> tuple[str, list[str]]:
    binding = plane.task("web").binding
    assert binding is not None
    return binding.node, binding.avoid


def test_after_so_many_failures_another_node_is_tried(plane: Plane) -> None:
    fail(plane, 2)
    assert where(plane) == ("n1", [])
    fail(plane, 3)
    assert where(plane) == ("n2", ["n1"])
    assert plane.assignment("n1", UID) is None
    assert [event.message for event in plane.told("TriedElsewhere")] == ["failed 3 times in a row on n1: n2 is tried"]
    assert "placed on n2, moved from n1, where it kept failing" in [e.message for e in plane.told("Scheduled")]


def test_it_goes_round_until_it_runs(plane: Plane) -> None:
    for node, avoid in (("n2", ["n1"]), ("n3", ["n1", "n2"])):
        fail(plane, 3)
        assert where(plane) == (node, avoid)
    # Where it has failed before it is not tried again as long as its backoff can grow: it would hop about for ever.
    fail(plane, 9)
    assert where(plane) == ("n3", ["n1", "n2"])
    fail(plane, 10)
    assert where(plane) == ("n1", ["n2", "n3"])
    fail(plane, 0, state=TaskState.RUNNING, next_attempt_at="")
    assert where(plane) == ("n1", ["n2", "n3"])


def test_one_that_does_not_ask_for_it_stays(plane: Plane) -> None:
    change(plane, restart=Restart())
    fail(plane, 50)
    assert where(plane) == ("n1", [])


def test_a_singleton_stays_also_when_it_was_put_by_hand(plane: Plane) -> None:
    change(plane, singleton=True)
    fail(plane, 3)
    assert where(plane)[0] == "n1"


def test_one_that_fetches_its_image_just_now_is_left_alone(plane: Plane) -> None:
    fail(plane, 3, reason="Pulling", next_attempt_at="")
    assert where(plane) == ("n1", [])


def test_where_there_is_no_other_node_it_stays_and_says_so(plane: Plane) -> None:
    for name in ("n2", "n3"):
        plane.set_node(NodeSpec(metadata=Metadata(name=name), cordoned=True))
    settle(plane)
    fail(plane, 3)
    assert where(plane) == ("n1", [])
    (event,) = plane.told("NoOtherNode")
    assert event.message.startswith("failed 3 times in a row on n1, and fits on no other node: ")
    assert "2 cordoned (n2, n3)" in event.message
    plane.set_node(NodeSpec(metadata=Metadata(name="n3")))
    settle(plane)
    fail(plane, 4)
    assert where(plane) == ("n3", ["n1"])


def test_a_new_spec_begins_without_what_the_old_one_failed_on(plane: Plane) -> None:
    fail(plane, 3)
    assert where(plane) == ("n2", ["n1"])
    change(plane, image="busybox:2")
    assert where(plane)[1] == []


def test_one_whose_data_is_on_the_node_stays(plane: Plane) -> None:
    change(plane, volumes=[Volume(target="/data", name="data")])
    fail(plane, 3)
    assert where(plane)[0] == "n1"


def test_a_wish_is_void_when_the_task_has_found_its_feet(plane: Plane) -> None:
    plane.settle(plane.scheduler)
    fail_silently = TaskStatus(
        uid=UID, namespace="default", name="web", epoch=1, attempt=4, state=TaskState.STARTING,
        backoff_step=3, next_attempt_at=timestamp(plane.clock.now() + 8.0),
    )  # fmt: skip
    plane.put(keys.status("n1", UID), fail_silently)
    plane.settle(plane.relocation)
    assert plane.store.get(keys.move("default", "web")) is not None
    plane.put(keys.status("n1", UID), replace(fail_silently, state=TaskState.RUNNING, next_attempt_at=""))
    plane.settle(plane.scheduler)
    assert where(plane) == ("n1", [])
    assert plane.store.get(keys.move("default", "web")) is None
