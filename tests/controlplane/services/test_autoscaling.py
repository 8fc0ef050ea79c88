"""Autoscaled services on a real cache and store: what they follow, what is told, and scaling by hand."""

from __future__ import annotations

from msgspec.structs import replace

from controlplane.services.standing import AutoscaleStatus, standing
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import (
    Autoscale,
    Metric,
    MetricTarget,
    NodeStats,
    Resources,
    Service,
    Stabilization,
    TaskSpec,
    TaskTemplate,
    TaskUsage,
    Update,
)
from tests.controlplane.services.web import WEB, a_service, rollout, run, settle, tasks
from tests.support.plane import Plane

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
