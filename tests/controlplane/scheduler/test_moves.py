"""A wish that a task be moved: it is bound there with the next epoch, or it is said why not, and the wish is gone."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from taskyard import keys
from taskyard.clock import timestamp
from taskyard.objects import Metadata, Move, NodeSpec, Restart, TaskState, Volume
from tests.support.plane import GI, Plane, a_spec, a_task, a_uid


@pytest.fixture
def plane() -> Plane:
    made = Plane()
    for name in ("n1", "n2", "n3"):
        made.add_node(name)
    made.add_task(a_task("web", a_uid(1), a_spec(memory="1Gi")))
    made.lead()
    made.settle(made.scheduler)
    assert made.node_of("web") == "n1"
    made.report("web", TaskState.RUNNING)
    return made


def ask(plane: Plane, to: str = "n2", *, epoch: int = 1, age: float = 0.0, uid: str = "") -> None:
    at = timestamp(plane.clock.now() - age)
    plane.put(keys.move("default", "web"), Move(uid=uid or a_uid(1), epoch=epoch, to=to, requested_at=at))
    plane.settle(plane.scheduler)


def asked(plane: Plane) -> bool:
    return plane.store.get(keys.move("default", "web")) is not None


def test_it_is_bound_there_with_the_next_epoch_and_leaves_its_node(plane: Plane) -> None:
    ask(plane)
    binding = plane.task("web").binding
    assert binding is not None
    assert (binding.node, binding.epoch) == ("n2", 2)
    assert plane.assignment("n1", a_uid(1)) is None
    assert plane.store.get(keys.status("n1", a_uid(1))) is None
    there = plane.assignment("n2", a_uid(1))
    assert there is not None
    assert there.epoch == 2
    assert not asked(plane)
    assert "placed on n2, moved from n1 as was asked for" in [event.message for event in plane.told("Scheduled")]
    plane.pump()
    assert (plane.cache.usage("n1").memory, plane.cache.usage("n2").memory) == (0, GI)


def test_it_stays_when_it_does_not_fit_there(plane: Plane) -> None:
    plane.set_node(NodeSpec(metadata=Metadata(name="n2"), cordoned=True))
    ask(plane)
    assert (plane.node_of("web"), asked(plane)) == ("n1", False)
    assert [event.message for event in plane.told("MoveRefused")] == ["it does not fit on n2: cordon"]


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        pytest.param({"epoch": 7}, "", id="another binding"),
        pytest.param({"uid": a_uid(9)}, "", id="another task"),
        pytest.param({"to": "n1"}, "", id="where it is"),
        pytest.param({"to": "n9"}, "there is no node n9", id="no such node"),
        pytest.param({"age": 61.0}, "nothing was done about it for 60 s", id="too old"),
    ],
)
def test_a_wish_that_means_nothing_goes(plane: Plane, wish: dict[str, object], says: str) -> None:
    ask(plane, **wish)  # type: ignore[arg-type]
    assert (plane.node_of("web"), asked(plane)) == ("n1", False)
    assert [event.message for event in plane.told("MoveRefused")] == ([says] if says else [])


@pytest.mark.parametrize("what", ["singleton", "once", "volume", "ended"])
def test_what_only_its_node_can_run_stays(plane: Plane, what: str) -> None:
    spec = a_spec(memory="1Gi", priority=1)
    if what == "once":
        spec = replace(spec, run_once=True, restart=Restart(policy="never"))
    if what == "singleton":
        spec = replace(spec, singleton=True)
    if what == "volume":
        spec = replace(spec, volumes=[Volume(target="/data", name="data")])
    plane.add_task(replace(plane.task("web"), spec=spec))
    plane.settle(plane.scheduler)
    plane.report("web", TaskState.FAILED if what == "ended" else TaskState.RUNNING)
    ask(plane, epoch=1 if what == "once" else 2)  # One that runs once is not bound again for its new spec.
    assert (plane.node_of("web"), asked(plane)) == ("n1", False)
    assert len(plane.told("MoveRefused")) == 1


def test_a_wish_for_a_task_that_is_gone_goes_too(plane: Plane) -> None:
    plane.delete(keys.task("default", "web"))
    ask(plane)
    assert not asked(plane)


def test_a_report_at_the_last_moment_keeps_it(plane: Plane) -> None:
    """The agent said that it ended, and the scheduler's cache had not seen it yet when it granted the wish."""
    at = timestamp(plane.clock.now())
    plane.put(keys.move("default", "web"), Move(uid=a_uid(1), epoch=1, to="n2", requested_at=at))
    plane.pump()
    plane.report("web", TaskState.COMPLETED)
    plane.scheduler.step()
    plane.clock.advance(1.0)
    plane.settle(plane.scheduler)
    assert (plane.node_of("web"), asked(plane)) == ("n1", False)


def test_two_wishes_do_not_take_the_same_room_twice(plane: Plane) -> None:
    plane.add_task(a_task("other", a_uid(2), a_spec(memory="3Gi")))
    plane.settle(plane.scheduler)
    assert plane.node_of("other") == "n2"
    plane.report("other", TaskState.RUNNING)
    plane.set_node(NodeSpec(metadata=Metadata(name="n2"), cordoned=True))
    plane.add_task(a_task("full", a_uid(3), a_spec(memory="512Mi", selector={"only": "n3"})))
    plane.set_node(NodeSpec(metadata=Metadata(name="n3"), labels={"only": "n3"}))
    plane.settle(plane.scheduler)
    at = timestamp(plane.clock.now())
    plane.put(keys.move("default", "other"), Move(uid=a_uid(2), epoch=1, to="n3", requested_at=at))
    ask(plane, "n3")
    assert sorted((plane.node_of("web"), plane.node_of("other"))) == ["n1", "n3"]
    assert [event.message for event in plane.told("MoveRefused")] == [
        "it does not fit on n3: memory (needs 512Mi more)"
    ]


@pytest.fixture
def three(plane: Plane) -> Plane:
    """`web` and two like it, all running, of which two are to be left."""
    for number in (1, 2, 3):
        name = "web" if number == 1 else f"web{number}"
        task = a_task(name, a_uid(number), replace(a_spec(memory="1Gi"), min_available=2))
        plane.add_task(replace(task, metadata=replace(task.metadata, labels={"app": "web"})))
    plane.settle(plane.scheduler)
    for name in ("web", "web2", "web3"):
        plane.report(name, TaskState.RUNNING)
    plane.pump()
    return plane


def wish(plane: Plane, name: str, to: str) -> None:
    task = plane.task(name)
    assert task.binding is not None
    at = timestamp(plane.clock.now())
    plane.put(keys.move("default", name), Move(uid=task.metadata.uid, epoch=task.binding.epoch, to=to, requested_at=at))


def test_of_moves_that_are_asked_for_at_once_no_more_are_made_than_the_budget_allows(three: Plane) -> None:
    before = {name: three.node_of(name) for name in ("web", "web2", "web3")}
    for name, node in before.items():
        wish(three, name, "n3" if node != "n3" else "n2")
    three.settle(three.scheduler)
    moved = [name for name, node in before.items() if three.node_of(name) != node]
    assert moved == ["web"]
    too_few = "while it moves, fewer than minAvailable would be left"
    assert [event.message for event in three.told("MoveRefused")] == [too_few, too_few]
    wish(three, "web2", "n1" if before["web2"] != "n1" else "n2")
    three.settle(three.scheduler)
    assert three.node_of("web2") == before["web2"], "the first has not started on its new node"
    three.report("web", TaskState.RUNNING)
    wish(three, "web2", "n1" if before["web2"] != "n1" else "n2")
    three.settle(three.scheduler)
    assert three.node_of("web2") != before["web2"]


def test_one_that_does_not_run_is_moved_though_too_few_are_left(three: Plane) -> None:
    node = three.node_of("web3")
    for name in ("web2", "web3"):
        three.report(name, TaskState.STARTING)
    wish(three, "web3", "n1" if node != "n1" else "n2")
    three.settle(three.scheduler)
    assert three.node_of("web3") != node
