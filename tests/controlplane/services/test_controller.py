"""The service controller on a real cache and store: with the scheduler, through node losses, changes and deletions."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from controlplane.services.standing import AutoscaleStatus, standing
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import (
    Autoscale,
    Config,
    ConfigSpec,
    EnvSource,
    Metadata,
    Metric,
    MetricTarget,
    NodeSpec,
    NodeStats,
    Phase,
    Resources,
    Rollout,
    Service,
    ServiceSpec,
    Stabilization,
    Task,
    TaskSpec,
    TaskState,
    TaskTemplate,
    TaskUsage,
    Update,
    decode,
)
from tests.support.plane import Plane, a_task, a_uid

WEB = keys.object_key(ObjectKey("Service", "default", "web"))


def a_service(image: str = "a:1", *, uid: str = a_uid(9), update: Update | None = None, **spec: object) -> Service:
    template = TaskTemplate(spec=TaskSpec(image=image))
    made = ServiceSpec(template=template, update=update or Update(), **spec)  # type: ignore[arg-type]
    return Service(metadata=Metadata(name="web", uid=uid, generation=1), spec=made)


def tasks(plane: Plane) -> dict[str, Task]:
    found = [decode(entry.value, Task) for entry in plane.store.list(keys.TASKS).entries]
    return {task.metadata.name: task for task in found}


def rollout(plane: Plane) -> Rollout:
    entry = plane.store.get(keys.rollout("default", "web"))
    assert entry is not None
    return decode(entry.value, Rollout)


def settle(plane: Plane) -> None:
    plane.settle(plane.services, plane.scheduler, plane.tasks, plane.ownership)


def report_all(plane: Plane, state: TaskState = TaskState.RUNNING) -> None:
    """What the agents say of all that is bound."""
    for name, task in tasks(plane).items():
        if task.binding is not None and task.binding.spec_hash:
            plane.report(name, state)
    settle(plane)


def run(plane: Plane) -> None:
    """Until every task runs what it is to run."""
    for _ in range(30):
        report_all(plane)
        for name, task in tasks(plane).items():
            if task.metadata.deletion_timestamp and task.binding:
                plane.report(name, TaskState.COMPLETED)
        settle(plane)


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    plane.add_node("n1")
    plane.add_node("n2")
    return plane


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
    from controlplane.services.standing import standing

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


def test_a_rollout_put_by_hand_that_makes_no_sense_gives_way(plane: Plane) -> None:
    plane.put(keys.rollout("default", "web"), b'{"serviceUid":"x","revisions":[],"target":3}')
    plane.put(WEB, a_service())
    plane.pump()
    assert keys.rollout("default", "web") in plane.cache.quarantined
    settle(plane)
    assert rollout(plane).target == 1


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


AUTOSCALED = Autoscale(min=1, max=4, cpu=50, stabilization=Stabilization(down="60s"))


def autoscaled(image: str = "a:1", **spec: object) -> Service:
    service = a_service(autoscale=AUTOSCALED, **spec)
    template = TaskTemplate(spec=TaskSpec(image=image, resources=Resources(cpu="100m")))
    return replace(service, spec=replace(service.spec, template=template))


def load(plane: Plane, percent: int, *, seconds: float = 0) -> None:
    """What every task uses from now on, and that time passes."""
    for node in ("n1", "n2"):
        here = [task for task in tasks(plane).values() if task.binding and task.binding.node == node]
        usage = {task.metadata.uid: TaskUsage(cpu_millis=percent) for task in here}
        plane.put(keys.node_stats(node), NodeStats(at="now", tasks=usage))
    for _ in range(int(seconds)):
        plane.clock.advance(1)
        plane.elector.step()
        run(plane)


def test_an_autoscaled_service_follows_its_load(plane: Plane) -> None:
    plane.put(WEB, autoscaled(replicas=2))
    settle(plane)
    run(plane)
    assert len(tasks(plane)) == 2
    load(plane, 90, seconds=40)
    assert sorted(tasks(plane)) == ["web-0", "web-1", "web-2", "web-3"]
    (told,) = plane.told("Autoscaled")
    assert told.message == "from 2 to 4 tasks: cpu at 90% of a target of 50%"
    # The manifest says nothing of replicas any more, or something else: the autoscaler's number stays.
    plane.put(WEB, autoscaled())
    run(plane)
    assert len(tasks(plane)) == 4
    load(plane, 0, seconds=45)
    assert len(tasks(plane)) == 4
    load(plane, 0, seconds=60)
    assert sorted(tasks(plane)) == ["web-0"]
    plane.put(WEB, a_service(replicas=3))
    run(plane)
    assert len(tasks(plane)) == 3
    assert rollout(plane).scale is None


def test_it_follows_what_its_tasks_tell_and_what_is_no_number_counts_as_not_known(plane: Plane) -> None:
    targets = Autoscale(min=1, max=4, metrics=[MetricTarget(name="queue_length", target=10)])
    service = a_service(replicas=2, autoscale=targets)
    template = TaskTemplate(spec=TaskSpec(image="a:1", metrics=[Metric(name="queue_length", port=9100)]))
    plane.put(WEB, replace(service, spec=replace(service.spec, template=template)))
    settle(plane)
    run(plane)

    def tell(seconds: int, *values: float, unread: str = "") -> None:
        for node in ("n1", "n2"):
            usages = {}
            for slot, task in enumerate(tasks(plane).values()):
                if task.binding and task.binding.node == node:
                    told = {"queue_length": values[slot]} if slot < len(values) else {}
                    why = {"queue_length": unread} if not told and unread else {}
                    usages[task.metadata.uid] = TaskUsage(metrics=told, unread=why)
            plane.put(keys.node_stats(node), NodeStats(at="now", tasks=usages))
        for _ in range(seconds):
            plane.clock.advance(1)
            plane.elector.step()
            run(plane)

    tell(40, unread="connection refused")
    assert len(tasks(plane)) == 2
    found = autoscale_status(plane)
    assert found.message == "nothing is known of queue_length (task/web-0: connection refused)"
    assert [(each.value, each.tasks, each.why) for each in found.metrics] == [
        (None, 0, "task/web-0: connection refused")
    ]
    # What one does not tell counts as nothing where the other calls for more: (18 + 0) / 10 is two.
    tell(40, 18)
    assert len(tasks(plane)) == 2
    tell(40, 18, 12)
    assert len(tasks(plane)) == 3
    (told,) = plane.told("Autoscaled")
    assert told.message == "from 2 to 3 tasks: queue_length at 15 of a target of 10"
    found = autoscale_status(plane)
    assert [(each.name, each.value, each.target, each.unit) for each in found.metrics] == [("queue_length", 15, 10, "")]


def autoscale_status(plane: Plane) -> AutoscaleStatus:
    record = plane.cache.objects[ObjectKey("Service", "default", "web")]
    assert isinstance(record.value, Service)
    shown = standing(plane.cache, record.value).autoscale
    assert shown is not None
    return shown


def test_what_an_autoscaler_goes_by_is_shown(plane: Plane) -> None:
    plane.put(WEB, autoscaled(replicas=2))
    settle(plane)
    run(plane)
    load(plane, 90)
    run(plane)
    shown = autoscale_status(plane)
    assert (shown.replicas, shown.recommended, shown.why) == (2, 4, "it begins with so many")
    assert [(each.name, each.value, each.target, each.tasks) for each in shown.metrics] == [("cpu", 90, 50, 2)]


def test_a_service_that_is_autoscaled_from_now_on_begins_with_the_tasks_that_it_has(plane: Plane) -> None:
    plane.put(WEB, a_service(replicas=3))
    settle(plane)
    run(plane)
    plane.put(WEB, autoscaled())
    run(plane)
    assert len(tasks(plane)) == 3


def test_stand_ins_do_not_count_among_the_tasks_that_it_has(plane: Plane) -> None:
    update = Update(order="start-first", parallelism=2)
    plane.put(WEB, a_service(replicas=2, update=update))
    settle(plane)
    run(plane)
    plane.put(WEB, a_service("a:2", replicas=2, update=update))
    settle(plane)
    assert sorted(tasks(plane)) == ["web-0", "web-1", "web-2", "web-3"]
    plane.put(WEB, autoscaled("a:2", update=update))
    settle(plane)
    scale = rollout(plane).scale
    assert scale is not None
    assert scale.replicas == 2


def test_a_rollout_that_begins_with_another_count_is_told_of_too(plane: Plane) -> None:
    plane.put(WEB, autoscaled(replicas=2))
    settle(plane)
    run(plane)
    for _ in range(20):
        plane.clock.advance(1)
        plane.elector.step()
    load(plane, 90)
    plane.put(WEB, autoscaled("a:2", replicas=2))
    settle(plane)
    assert [event.message[:16] for event in plane.told("Autoscaled")] == ["from 2 to 4 task"]
    assert {event.message for event in plane.told("RolloutStarted")} == {
        "revision 1 is rolled out",
        "revision 2 is rolled out",
    }


def test_scaling_by_hand_is_told_of_once_also_while_nobody_leads(plane: Plane) -> None:
    plane.put(WEB, a_service(replicas=1))
    settle(plane)
    run(plane)
    assert plane.told("Scaled") == []
    plane.put(WEB, a_service(replicas=2))
    settle(plane)
    run(plane)
    plane.elector.resign()
    plane.put(WEB, a_service(replicas=0))
    other = Plane(clock=plane.clock, store=plane.store, identity="cp2")
    other.lead()
    settle(other)
    told = {(event.message, event.count) for each in (plane, other) for event in each.told("Scaled")}
    assert told == {("from 1 to 2 tasks", 1), ("from 2 to 0 tasks", 1)}
    other.put(WEB, autoscaled())
    settle(other)
    (begun,) = other.told("Autoscaled")
    assert begun.message == "from 0 to 1 tasks: it begins with so many"
    assert [event.count for event in other.told("RolloutComplete")] == [1]
