"""What goes with its owner or its namespace, when, and what stays."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import (
    AnyObject,
    Config,
    ConfigSpec,
    Metadata,
    NamedVolume,
    NamedVolumeSpec,
    Namespace,
    Owner,
    Secret,
    SecretSpec,
    Service,
    ServiceSpec,
    Task,
    TaskSpec,
    TaskState,
    TaskTemplate,
    encode,
    key_of,
)
from taskyard.store.api import Put
from tests.support.plane import Plane, a_task, a_uid

GOING = "2026-11-22T20:57:48.123Z"
OWNER = Config(metadata=Metadata(name="owner", uid=a_uid(9), deletion_timestamp=GOING), spec=ConfigSpec(data={}))
"""No kind of its own: what an owner is does not matter here."""


def owned(name: str, uid: str, owner: AnyObject = OWNER) -> Task:
    task = a_task(name, uid)
    made_for = Owner(kind=owner.kind, name=owner.metadata.name, uid=owner.metadata.uid)
    return replace(task, metadata=replace(task.metadata, owner=made_for))


def put(plane: Plane, *values: AnyObject) -> None:
    for value in values:
        plane.put(keys.object_key(key_of(value)), value)


def there(plane: Plane) -> set[str]:
    return {
        f"{key.kind}/{key.name}"
        for entry in plane.store.list(keys.ROOT).entries
        if (key := keys.parse_object(entry.key))
    }


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    plane.add_node("n1")
    return plane


def test_an_owner_goes_after_what_it_owns_and_that_after_its_containers(plane: Plane) -> None:
    put(
        plane,
        replace(OWNER, metadata=replace(OWNER.metadata, deletion_timestamp="")),
        owned("a", a_uid(1)),
        a_task("b", a_uid(2)),
    )
    plane.settle(plane.scheduler)
    plane.report("a", TaskState.RUNNING)
    put(plane, OWNER)
    plane.settle(plane.ownership, plane.tasks)
    assert plane.task("a").metadata.deletion_timestamp
    assert there(plane) == {"Config/owner", "Task/a", "Task/b"}
    plane.report("a", TaskState.COMPLETED)
    plane.settle(plane.ownership, plane.tasks)
    assert there(plane) == {"Task/b"}
    assert not plane.task("b").metadata.deletion_timestamp


def test_a_lost_node_holds_nothing_up(plane: Plane) -> None:
    put(plane, replace(OWNER, metadata=replace(OWNER.metadata, deletion_timestamp="")), owned("a", a_uid(1)))
    plane.settle(plane.scheduler)
    plane.report("a", TaskState.RUNNING)
    plane.delete(keys.node_lease("n1"))
    put(plane, OWNER)
    plane.settle(plane.ownership, plane.tasks)
    assert there(plane) == set()


def test_what_has_lost_its_owner_goes_too(plane: Plane) -> None:
    put(plane, owned("orphan", a_uid(1)))
    plane.settle(plane.ownership)
    plane.clock.advance(61)
    plane.elector.step()
    plane.settle(plane.ownership)
    assert there(plane) == set()


def test_nothing_goes_with_an_owner_whose_value_somebody_has_spoilt(plane: Plane) -> None:
    owner = replace(OWNER, metadata=replace(OWNER.metadata, deletion_timestamp=""))
    put(plane, owner, owned("a", a_uid(1)))
    plane.settle(plane.ownership)
    place = keys.object_key(key_of(owner))
    plane.put(
        place, b'{"apiVersion": "taskyard/v1", "kind": "Config", "metadata": {"name": "owner"}, "spec": {"dta": 1}}'
    )
    for _ in range(25):
        plane.clock.advance(3)
        plane.elector.step()
        plane.settle(plane.ownership)
    assert "Task/a" in there(plane)
    assert not plane.task("a").metadata.deletion_timestamp
    plane.delete(place)
    for _ in range(25):
        plane.clock.advance(3)
        plane.elector.step()
        plane.settle(plane.ownership)
    assert there(plane) == set()


def test_an_owner_that_is_put_back_at_the_last_moment_keeps_what_is_its(plane: Plane) -> None:
    owner = replace(OWNER, metadata=replace(OWNER.metadata, deletion_timestamp=""))
    put(plane, owned("a", a_uid(1)))
    plane.pump()
    put(plane, owner)
    plane.ownership.step()
    plane.clock.advance(1)
    plane.settle(plane.ownership)
    assert there(plane) == {"Config/owner", "Task/a"}


def test_an_owner_of_a_kind_that_there_is_none_of_is_none(plane: Plane) -> None:
    task = a_task("a", a_uid(1))
    put(plane, replace(task, metadata=replace(task.metadata, owner=Owner(kind="Pod", name="p", uid=a_uid(7)))))
    plane.settle(plane.ownership)
    assert there(plane) == set()


def test_an_owner_by_the_same_name_is_not_the_same_owner(plane: Plane) -> None:
    another = Config(metadata=Metadata(name="owner", uid=a_uid(8)), spec=ConfigSpec(data={}))
    put(plane, another, owned("orphan", a_uid(1)))
    plane.settle(plane.ownership)
    assert there(plane) == {"Config/owner"}


def test_a_namespace_takes_all_that_is_in_it_along(plane: Plane) -> None:
    inside = Task(metadata=Metadata(name="a", namespace="shop", uid=a_uid(1), generation=1), spec=TaskSpec(image="a:1"))
    config = Config(metadata=Metadata(name="c", namespace="shop", uid=a_uid(2)), spec=ConfigSpec(data={}))
    put(plane, inside, config, a_task("outside", a_uid(3)))
    put(plane, Namespace(metadata=Metadata(name="shop", uid=a_uid(4), deletion_timestamp=GOING)))
    plane.settle(plane.ownership)
    assert there(plane) == {"Task/outside"}


def test_what_changes_meanwhile_is_not_lost(plane: Plane) -> None:
    """The compare fails, and the next look asks the object as it is then."""
    put(plane, OWNER, owned("a", a_uid(1)))
    plane.pump()
    newer = replace(owned("a", a_uid(1)), spec=TaskSpec(image="b:1"))
    plane.store.commit([], [Put(keys.object_key(ObjectKey("Task", "default", "a")), encode(newer))])
    plane.ownership.step()
    assert "Task/a" in there(plane)
    plane.clock.advance(1)
    plane.settle(plane.ownership)
    assert there(plane) == set()


def test_a_namespace_goes_while_its_service_controller_is_down_and_its_node_is_gone(plane: Plane) -> None:
    """Only the ownership and the task controllers act: nobody carries out the service any more."""
    shop = Namespace(metadata=Metadata(name="shop", uid=a_uid(4)))
    service = Service(
        metadata=Metadata(name="web", namespace="shop", uid=a_uid(5), generation=1),
        spec=ServiceSpec(template=TaskTemplate(spec=TaskSpec(image="a:1"))),
    )
    made_for = Owner(kind="Service", name="web", uid=a_uid(5))
    task = Task(
        metadata=Metadata(name="web-0", namespace="shop", uid=a_uid(1), generation=1, owner=made_for),
        spec=TaskSpec(image="a:1"),
    )
    secret = Secret(metadata=Metadata(name="key", namespace="shop", uid=a_uid(6)), spec=SecretSpec(data={}))
    volume = NamedVolume(
        metadata=Metadata(name="data", namespace="shop", uid=a_uid(7)), spec=NamedVolumeSpec(node="n1")
    )
    put(plane, shop, service, task, secret, volume)
    plane.settle(plane.scheduler)
    assert plane.assignment("n1", a_uid(1)) is not None
    plane.delete(keys.node_lease("n1"))
    put(plane, replace(shop, metadata=replace(shop.metadata, deletion_timestamp=GOING)))
    plane.settle(plane.ownership, plane.tasks)
    assert there(plane) == set()
    assert plane.assignment("n1", a_uid(1)) is None
