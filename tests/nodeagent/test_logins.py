"""Images from private registries: fetched with the login of the task's own Secret, which nobody is told."""

from __future__ import annotations

import pytest

from nodeagent.logins import registry_of
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Metadata, Secret, SecretSpec, TaskState, encode
from taskyard.store.api import Delete, Put
from tests.nodeagent.world import UID, World

IMAGE = "registry.example.com:5000/shop/web:2"
PASSWORD = "pa55word-of-mine"
OTHER = "fedcba987654"


@pytest.fixture
def world() -> World:
    world = World(pull_takes=1.0)
    world.runtime.registry.add(IMAGE)
    world.runtime.logins[IMAGE] = ("puller", PASSWORD)
    return world


def put_login(world: World, name: str = "login", registry: str = "registry.example.com:5000", **changes: str) -> None:
    data = {"registry": registry, "username": "puller", "password": PASSWORD} | changes
    value = Secret(metadata=Metadata(name=name), spec=SecretSpec(data=data))
    world.memory.commit([], [Put(keys.object_key(ObjectKey("Secret", "default", name)), encode(value))])


def told(world: World) -> str:
    """Everything that others may read."""
    stored = [entry.value.decode() for entry in world.memory.list("").entries if "/secrets/" not in entry.key]
    return "\n".join([*stored, *world.events.messages, *world.runtime.calls])


def test_the_login_of_the_secret_fetches_the_image_and_is_told_nobody(world: World) -> None:
    put_login(world)
    world.assign(image=IMAGE, pullSecret="login")
    world.advance(2.0)
    assert world.status().state is TaskState.RUNNING
    assert PASSWORD not in told(world)


def test_without_a_login_it_says_what_the_registry_says(world: World) -> None:
    world.assign(image=IMAGE)
    world.advance(1.5)
    assert world.status().reason == "ImagePullBackOff"
    assert "authentication required" in world.status().message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"registry": "other.example.com"}, "a login for other.example.com, and image", id="another-one"),
        pytest.param({"password": ""}, "secret/login is no login for a registry: it has no password", id="no-password"),
    ],
)
def test_a_secret_that_is_no_login_for_this_registry_is_not_used(
    world: World, changes: dict[str, str], message: str
) -> None:
    put_login(world, **changes)
    world.assign(image=IMAGE, pullSecret="login", restart={"policy": "never"})
    world.advance(1.5)
    status = world.status()
    assert (status.state, status.reason, status.attempt) == (TaskState.STARTING, "PullSecretUnfit", 1)
    assert message in status.message
    assert not [call for call in world.runtime.calls if call.startswith("pull")]
    assert PASSWORD not in told(world)


def test_a_secret_that_is_missing_is_waited_for(world: World) -> None:
    world.assign(image=IMAGE, pullSecret="login", restart={"policy": "never"})
    world.advance(1.5)
    assert (world.status().reason, world.status().attempt) == ("SecretMissing", 1)
    put_login(world)
    world.advance(5.0)
    assert world.status().state is TaskState.RUNNING


def test_an_image_is_not_fetched_for_one_with_the_login_of_another(world: World) -> None:
    put_login(world)
    world.assign(image=IMAGE, pullSecret="login", pullPolicy="Always")
    world.assign(uid=OTHER, image=IMAGE, pullPolicy="Always")
    world.advance(1.5)
    assert world.status().state is TaskState.RUNNING
    assert world.status(OTHER).reason == "ImagePullBackOff"


def test_each_pull_reads_the_login_anew(world: World) -> None:
    put_login(world)
    world.assign(image=IMAGE, pullSecret="login", pullPolicy="Always")
    world.advance(2.0)
    world.memory.commit([], [Delete(keys.object_key(ObjectKey("Secret", "default", "login")))])
    world.runtime.end(world.containers()[0].id, "SIGKILL")
    world.advance(4.0)
    assert world.status().attempt == 2
    assert "SecretMissing" in world.events.reasons


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        pytest.param("nginx", "docker.io", id="bare"),
        pytest.param("shop/web:1", "docker.io", id="folder"),
        pytest.param("localhost/web:1", "localhost", id="localhost"),
        pytest.param("127.0.0.1:5000/web", "127.0.0.1:5000", id="port"),
        pytest.param("example.com/shop/web@sha256:0", "example.com", id="dot"),
    ],
)
def test_where_an_image_comes_from(image: str, registry: str) -> None:
    assert registry_of(image) == registry


@pytest.mark.parametrize("spelled", ["https://index.docker.io/v1/", "docker.io", "index.docker.io"])
def test_docker_hub_has_several_names(world: World, spelled: str) -> None:
    world.runtime.registry.add("shop/web:1")
    world.runtime.logins["shop/web:1"] = ("puller", PASSWORD)
    put_login(world, registry=spelled)
    world.assign(image="shop/web:1", pullSecret="login")
    world.advance(2.0)
    assert world.running() == [f"ty-{UID}-1-1"]
