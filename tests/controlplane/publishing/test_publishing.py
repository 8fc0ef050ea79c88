"""What is published of services for CoreDNS and Traefik, and that it follows what is ready."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from controlplane.leading import SWEEP_EVERY
from controlplane.publishing import Formats, Publisher, owner_of
from taskyard import keys
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import HostPort, Metadata, Port, Resources, Service, ServiceSpec, TaskSpec, TaskState, TaskStatus
from taskyard.objects.service import TaskTemplate
from taskyard.store.api import Put
from tests.support.plane import Plane

BOTH = Formats("taskyard.local", "traefik")
WEB = "/skydns/local/taskyard/default/web/http/"
SERVERS = "traefik/http/services/taskyard_default_web_http/loadBalancer/servers"


class World:
    """A service `web` of two tasks on one node, and its publisher."""

    def __init__(self, formats: Formats = BOTH) -> None:
        self.plane = Plane()
        self.plane.add_node("n1")
        self.plane.lead()
        self.publisher = Publisher(self.plane.means, formats)

    def declare(self, replicas: int = 2, **annotations: str) -> None:
        ports = [Port(container=80, host="auto", name="http"), Port(container=53, host="auto", protocol="udp")]
        spec = TaskSpec(image="busybox:1.35", ports=ports, resources=Resources())
        service = Service(
            metadata=Metadata(name="web", uid="0123456789ab", generation=1, annotations=annotations),
            spec=ServiceSpec(replicas=replicas, template=TaskTemplate(spec=spec)),
        )
        self.plane.put(keys.object_key(ObjectKey("Service", "default", "web")), service)
        self.settle()

    def runs(self, name: str, port: int) -> None:
        task = self.plane.task(name)
        assert task.binding is not None
        status = TaskStatus(
            uid=task.metadata.uid,
            namespace="default",
            name=name,
            epoch=task.binding.epoch,
            state=TaskState.RUNNING,
            ready=True,
            ports=[
                HostPort(container=80, host=port, name="http"),
                HostPort(container=53, host=port + 1, protocol="udp"),
            ],
        )
        self.plane.put(keys.status("n1", task.metadata.uid), status)
        self.settle()

    def settle(self) -> None:
        self.plane.settle(self.plane.services, self.plane.scheduler, self.plane.tasks, self.publisher)

    def later(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.plane.clock.advance(1.0)
            self.plane.elector.step()
        self.settle()

    def there(self, prefix: str) -> dict[str, Any]:
        return {entry.key: entry.value.decode() for entry in self.plane.store.list(prefix).entries}


def test_names_and_servers_follow_what_is_ready() -> None:
    world = World()
    world.declare()
    assert world.there("/skydns/") == {}
    world.runs("web-0", 32768)
    world.runs("web-1", 32770)
    found = {key: json.loads(value) for key, value in world.there(WEB).items()}
    assert found == {
        f"{WEB}web-0": {"host": "127.0.0.1", "port": 32768, "ttl": 5},
        f"{WEB}web-1": {"host": "127.0.0.1", "port": 32770, "ttl": 5},
    }
    assert sorted(world.there("/skydns/local/taskyard/default/web/53/").values())
    assert world.there("traefik/") == {
        f"{SERVERS}/0/url": "http://127.0.0.1:32768",
        f"{SERVERS}/1/url": "http://127.0.0.1:32770",
    }
    world.declare(replicas=1)
    assert list(world.there(WEB)) == [f"{WEB}web-0"]
    assert list(world.there("traefik/")) == [f"{SERVERS}/0/url"]


def test_one_that_has_done_its_work_answers_nobody() -> None:
    world = World()
    world.declare()
    world.runs("web-0", 32768)
    world.plane.report("web-0", TaskState.COMPLETED)
    world.settle()
    assert world.there("/skydns/") == world.there("traefik/") == {}


def test_nothing_is_written_while_nothing_changes() -> None:
    world = World()
    world.declare()
    world.runs("web-0", 32768)
    revision = world.plane.store.list("").revision
    world.later(3)
    world.declare(replicas=2)
    assert world.plane.store.list("").revision == revision + 1


@pytest.mark.parametrize(
    ("annotations", "router"),
    [
        pytest.param({}, {}, id="none"),
        pytest.param(
            {"taskyard/http-host": "a.example, b.example"},
            {"rule": "Host(`a.example`) || Host(`b.example`)", "service": "taskyard_default_web_http"},
            id="hosts",
        ),
        pytest.param(
            {"taskyard/http-rule": "PathPrefix(`/x`)", "taskyard/http-port": "80", "taskyard/http-entrypoints": "web"},
            {"rule": "PathPrefix(`/x`)", "service": "taskyard_default_web_http", "entrypoints/0": "web"},
            id="rule, port and entry point",
        ),
        pytest.param({"taskyard/http-host": "a.example", "taskyard/http-port": "8080"}, {}, id="no such port"),
    ],
)
def test_routers(annotations: dict[str, str], router: dict[str, str]) -> None:
    world = World()
    world.declare(**annotations)
    world.runs("web-0", 32768)
    stem = "traefik/http/routers/taskyard_default_web_http/"
    assert world.there("traefik/http/routers/") == {f"{stem}{field}": value for field, value in router.items()}


def test_a_service_that_goes_takes_its_names_along() -> None:
    world = World()
    world.declare()
    world.runs("web-0", 32768)
    key = keys.object_key(ObjectKey("Service", "default", "web"))
    record = world.plane.cache.objects[ObjectKey("Service", "default", "web")]
    metadata = replace(record.value.metadata, deletion_timestamp="2026-11-22T20:57:48Z")
    world.plane.put(key, replace(record.value, metadata=metadata))
    world.settle()
    assert world.there("/skydns/") == world.there("traefik/") == {}


def test_what_others_did_in_our_place_is_put_right_and_what_is_theirs_is_left() -> None:
    world = World()
    world.declare()
    world.runs("web-0", 32768)
    theirs = {"/skydns/local/other/x": "1", "traefik/http/services/mine/loadBalancer/servers/0/url": "http://x"}
    odd = {"/skydns/local/taskyard/left": "1", "/skydns/local/taskyard/default/gone/http/gone-0": "{}"}
    for key, value in {**theirs, **odd, f"{WEB}web-0": "{}"}.items():
        world.plane.store.commit([], [Put(key, value.encode())])
    world.later(SWEEP_EVERY + 2)
    found = world.there("/skydns/") | world.there("traefik/")
    assert theirs.items() <= found.items()
    assert not odd.keys() & found.keys()
    assert json.loads(found[f"{WEB}web-0"])["port"] == 32768


def test_what_is_left_of_the_last_service_goes_too() -> None:
    """It was deleted while nobody led."""
    world = World()
    world.plane.store.commit([], [Put(f"{WEB}web-0", b"{}")])
    world.settle()
    assert world.there("/skydns/") == {}


def test_a_list_between_two_sweeps_delays_none() -> None:
    world = World()
    world.declare()
    world.runs("web-0", 32768)
    world.later(SWEEP_EVERY / 2)
    world.plane.store.commit([], [Put(f"{WEB}web-0", b"{}")])
    world.runs("web-0", 32770)
    world.later(5)  # What it rests on had changed, so it has listed anew.
    world.plane.store.commit([], [Put(f"{WEB}web-0", b"{}")])
    world.later(SWEEP_EVERY / 2 - 2)
    assert json.loads(world.there(WEB)[f"{WEB}web-0"])["port"] == 32770


def test_another_leader_takes_over_what_is_there() -> None:
    world = World()
    world.declare()
    world.runs("web-0", 32768)
    before = world.there("/skydns/")
    world.plane.elector.resign()
    other = Plane(clock=world.plane.clock, store=world.plane.store, identity="cp2")
    publisher = Publisher(other.means, BOTH)
    other.lead()
    revision = other.store.list("").revision
    other.settle(publisher)
    assert world.there("/skydns/") == before
    assert other.store.list("").revision == revision


def test_only_what_was_asked_for_is_published() -> None:
    world = World(Formats(zone="taskyard.local"))
    world.declare()
    world.runs("web-0", 32768)
    assert world.there("/skydns/")
    assert world.there("traefik/") == {}


@pytest.mark.parametrize(
    ("key", "owner"),
    [
        (f"{WEB}web-0", NamedKey("default", "web")),
        (f"{SERVERS}/0/url", NamedKey("default", "web")),
        ("traefik/http/routers/taskyard_shop_api_80/rule", NamedKey("shop", "api")),
        ("traefik/http/routers/mine/rule", None),
        ("/skydns/local/other/web", None),
        ("/skydns/local/taskyard/odd", None),
    ],
)
def test_whose_a_key_is(key: str, owner: NamedKey | None) -> None:
    assert owner_of(BOTH, key) == owner
