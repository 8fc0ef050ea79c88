"""The service controller on a real cache and store: with the scheduler, through node losses, changes and deletions."""

from __future__ import annotations

from msgspec.structs import replace

from controlplane.services.standing import standing
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import (
    Config,
    ConfigSpec,
    EnvSource,
    Metadata,
    NodeSpec,
    Phase,
    Service,
    TaskSpec,
    TaskState,
    TaskTemplate,
    Update,
)
from tests.controlplane.services.web import WEB, a_service, report_all, rollout, run, settle, tasks
from tests.support.plane import Plane, a_task, a_uid


def test_tasks_are_made_bound_and_owned(plane: Plane) -> None:
    plane.put(WEB, a_service(replicas=2))
    settle(plane)
    made = tasks(plane)
    assert sorted(made) == ["web-0", "web-1"]
    assert all(task.binding for task in made.values())
    owner = made["web-0"].metadata.owner
    assert owner is not None
    assert (owner.kind, owner.name, owner.uid) == ("Service", "web", a_uid(9))
    assert made["web-1"].metadata.labels == {"taskyard/service": "web", "taskyard/slot": "1"}
    assert rollout(plane).phase is Phase.PROGRESSING
    run(plane)
    assert rollout(plane).phase is Phase.COMPLETE
    assert [event.message for event in plane.told("RolloutComplete")] == ["all tasks have revision 1"]


def test_a_change_waits_for_the_task_before(plane: Plane) -> None:
    plane.put(WEB, a_service(replicas=3))
    settle(plane)
    run(plane)
    plane.put(WEB, a_service("a:2", replicas=3))
    settle(plane)
    images = [task.spec.image for task in tasks(plane).values()]
    assert images == ["a:2", "a:1", "a:1"]
    run(plane)
    assert {task.spec.image for task in tasks(plane).values()} == {"a:2"}
    assert [each.template.spec.image for each in rollout(plane).revisions] == ["a:1", "a:2"]


def test_a_change_of_n_tasks_is_n_writes_of_tasks_by_the_controller(plane: Plane) -> None:
    plane.put(WEB, a_service(replicas=10, update=Update(parallelism=5)))
    settle(plane)
    run(plane)
    generations = sum(task.metadata.generation for task in tasks(plane).values())
    plane.put(WEB, a_service("a:2", replicas=10, update=Update(parallelism=5)))
    settle(plane)
    run(plane)
    assert sum(task.metadata.generation for task in tasks(plane).values()) == generations + 10


def test_a_task_that_somebody_deletes_comes_back_once_it_is_gone(plane: Plane) -> None:
    plane.put(WEB, a_service())
    settle(plane)
    run(plane)
    old = tasks(plane)["web-0"]
    plane.put(keys.task("default", "web-0"), replace(old, metadata=replace(old.metadata, deletion_timestamp="now")))
    settle(plane)
    assert tasks(plane)["web-0"].metadata.uid == old.metadata.uid
    plane.report("web-0", TaskState.COMPLETED)
    settle(plane)
    assert tasks(plane)["web-0"].metadata.uid not in ("", old.metadata.uid)


def test_a_name_that_is_taken_is_left_alone_and_told(plane: Plane) -> None:

    plane.add_task(a_task("web-1", a_uid(1)))
    plane.put(WEB, a_service(replicas=2))
    settle(plane)
    assert tasks(plane)["web-1"].metadata.owner is None
    record = plane.cache.objects[ObjectKey("Service", "default", "web")]
    assert isinstance(record.value, Service)
    assert "task/web-1 is not this service's" in standing(plane.cache, record.value).message


def test_a_deleted_service_makes_nothing_more_and_goes_last(plane: Plane) -> None:
    plane.put(WEB, a_service(replicas=2))
    settle(plane)
    run(plane)
    service = a_service(replicas=5)
    plane.put(WEB, replace(service, metadata=replace(service.metadata, deletion_timestamp="now")))
    settle(plane)
    assert all(task.metadata.deletion_timestamp for task in tasks(plane).values())
    assert plane.store.get(WEB) is not None
    report_all(plane, TaskState.COMPLETED)
    assert tasks(plane) == {}
    assert plane.store.get(WEB) is None
    assert plane.store.get(keys.rollout("default", "web")) is None


def test_a_lost_node_is_the_scheduler_s_business(plane: Plane) -> None:
    plane.put(WEB, a_service())
    settle(plane)
    run(plane)
    before = tasks(plane)["web-0"]
    assert before.binding is not None
    plane.delete(keys.node_lease(before.binding.node))
    settle(plane)
    for _ in range(60):
        plane.clock.advance(1)
        plane.elector.step()
        settle(plane)
    after = tasks(plane)["web-0"]
    assert after.metadata.uid == before.metadata.uid
    assert after.binding is not None
    assert after.binding.node != before.binding.node


def test_one_on_each_node_that_matches_and_on_those_that_join(plane: Plane) -> None:
    plane.put(WEB, a_service(mode="per-node"))
    plane.set_node(NodeSpec(metadata=Metadata(name="n2"), cordoned=True))
    settle(plane)
    assert sorted(tasks(plane)) == ["web-n1"]
    plane.set_node(NodeSpec(metadata=Metadata(name="n2")))
    plane.add_node("n3")
    settle(plane)
    assert {name: task.binding.node for name, task in tasks(plane).items() if task.binding} == {
        "web-n1": "n1",
        "web-n2": "n2",
        "web-n3": "n3",
    }


def test_a_node_that_is_away_keeps_its_task_for_a_while(plane: Plane) -> None:
    plane.put(WEB, a_service(mode="per-node"))
    settle(plane)
    run(plane)
    plane.delete(keys.node_lease("n2"))
    settle(plane)
    assert sorted(tasks(plane)) == ["web-n1", "web-n2"]
    for _ in range(130):
        plane.clock.advance(3)
        plane.elector.step()
        settle(plane)
    assert sorted(tasks(plane)) == ["web-n1"]


def test_another_by_the_same_name_begins_anew(plane: Plane) -> None:
    plane.put(WEB, a_service())
    settle(plane)
    plane.put(WEB, a_service("a:2", uid=a_uid(8)))
    plane.clock.advance(61)
    plane.elector.step()
    settle(plane)
    run(plane)
    assert rollout(plane).service_uid == a_uid(8)
    (task,) = tasks(plane).values()
    assert task.metadata.owner is not None
    assert (task.spec.image, task.metadata.owner.uid) == ("a:2", a_uid(8))


def test_it_waits_while_its_record_cannot_be_read_and_then_goes_on(plane: Plane) -> None:
    """Its first template was good; the second was not, and was rolled back."""
    plane.put(WEB, a_service(replicas=2))
    settle(plane)
    run(plane)
    plane.put(WEB, a_service("a:2", replicas=2, update=Update(on_failure="rollback")))
    settle(plane)
    plane.report("web-0", TaskState.FAILED)
    settle(plane)
    run(plane)
    good, place = rollout(plane), keys.rollout("default", "web")
    assert (good.phase, good.target) == (Phase.ROLLED_BACK, 1)
    nonsense = b'{"serviceUid":"x","revisions":[],"target":3}'
    plane.put(place, nonsense)
    plane.delete(keys.task("default", "web-1"))
    settle(plane)
    plane.clock.advance(61)  # It looks at everything again.
    plane.elector.step()
    settle(plane)
    entry = plane.store.get(place)
    assert entry is not None
    assert entry.value == nonsense
    assert {name: task.spec.image for name, task in tasks(plane).items()} == {"web-0": "a:1"}
    (event,) = plane.told("RecordUnreadable")
    assert f"{place} cannot be read" in event.message
    assert "delete that key" in event.message
    record = plane.cache.objects[ObjectKey("Service", "default", "web")]
    assert isinstance(record.value, Service)
    assert standing(plane.cache, record.value).message == event.message
    plane.put(place, good)
    settle(plane)
    run(plane)
    assert {name: task.spec.image for name, task in tasks(plane).items()} == {"web-0": "a:1", "web-1": "a:1"}
    assert rollout(plane).target == 1


def test_a_record_that_cannot_be_read_holds_no_deletion(plane: Plane) -> None:
    plane.put(WEB, a_service())
    settle(plane)
    run(plane)
    plane.put(keys.rollout("default", "web"), b"{")
    service = a_service()
    plane.put(WEB, replace(service, metadata=replace(service.metadata, deletion_timestamp="now")))
    settle(plane)
    report_all(plane, TaskState.COMPLETED)
    assert plane.store.get(WEB) is None
    assert plane.store.get(keys.rollout("default", "web")) is None


def test_it_begins_anew_once_a_record_that_cannot_be_read_is_deleted(plane: Plane) -> None:
    plane.put(keys.rollout("default", "web"), b"{")
    plane.put(WEB, a_service())
    settle(plane)
    assert tasks(plane) == {}
    plane.delete(keys.rollout("default", "web"))
    settle(plane)
    assert (rollout(plane).target, sorted(tasks(plane))) == (1, ["web-0"])


def put_config(plane: Plane, value: str, *, namespace: str = "default") -> None:
    config = Config(
        metadata=Metadata(name="app", namespace=namespace, uid=a_uid(7)), spec=ConfigSpec(data={"level": value})
    )
    plane.put(keys.object_key(ObjectKey("Config", namespace, "app")), config)


def versions(plane: Plane) -> set[str]:
    return {task.spec.container_labels.get("data-version", "") for task in tasks(plane).values()}


def following(update: Update) -> Service:
    service = a_service(replicas=3, update=update)
    spec = TaskSpec(image="a:1", env_from={"LEVEL": EnvSource(config="app", key="level")})
    return replace(service, spec=replace(service.spec, template=TaskTemplate(spec=spec)))


def test_a_change_of_a_config_is_rolled_out_a_task_at_a_time_where_that_was_asked_for(plane: Plane) -> None:
    put_config(plane, "info")
    plane.put(WEB, following(Update(follow_data=True)))
    settle(plane)
    run(plane)
    (before,) = versions(plane)
    put_config(plane, "debug")
    settle(plane)
    assert len(versions(plane)) == 2
    run(plane)
    (after,) = versions(plane)
    assert before != after != ""
    assert (rollout(plane).phase, rollout(plane).target) == (Phase.COMPLETE, 2)
    declared = plane.cache.objects[ObjectKey("Service", "default", "web")].value
    assert isinstance(declared, Service)
    assert (standing(plane.cache, declared).phase, standing(plane.cache, declared).message) == ("Complete", "")
    put_config(plane, "debug")
    put_config(plane, "debug", namespace="other")
    settle(plane)
    assert rollout(plane).target == 2


def test_without_being_asked_a_change_of_a_config_touches_no_task(plane: Plane) -> None:
    put_config(plane, "info")
    plane.put(WEB, following(Update()))
    settle(plane)
    run(plane)
    put_config(plane, "debug")
    settle(plane)
    assert versions(plane) == {""}
    assert rollout(plane).target == 1


def test_a_config_that_comes_late_or_goes_is_followed_too(plane: Plane) -> None:
    plane.put(WEB, following(Update(follow_data=True)))
    settle(plane)
    run(plane)
    put_config(plane, "info")
    run(plane)
    assert rollout(plane).target == 2
    plane.delete(keys.object_key(ObjectKey("Config", "default", "app")))
    run(plane)
    assert rollout(plane).target == 3
