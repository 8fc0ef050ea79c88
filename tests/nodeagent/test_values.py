"""Values of Secrets and Configs in a task's environment: read at each start, waited for, and never told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Config, Metadata, Secret, TaskState, encode
from taskyard.objects.config import ConfigSpec
from taskyard.objects.secret import SecretSpec
from taskyard.store.api import Put
from tests.nodeagent.world import World

ENV = {"PASSWORD": {"secret": "db", "key": "password"}, "MODE": {"config": "app", "key": "mode"}}
VALUE = "s3cr3t-value"


@pytest.fixture
def world() -> World:
    return World()


def put(world: World, *values: Secret | Config) -> None:
    for value in values:
        key = ObjectKey(value.kind, "default", value.metadata.name)
        world.memory.commit([], [Put(keys.object_key(key), encode(value))])


def secret(**data: str) -> Secret:
    return Secret(metadata=Metadata(name="db"), spec=SecretSpec(data=data))


def config(**data: str) -> Config:
    return Config(metadata=Metadata(name="app"), spec=ConfigSpec(data=data))


def told(world: World) -> Iterator[str]:
    """Everything that others may read."""
    for entry in world.memory.list("").entries:
        if "/secrets/" not in entry.key:
            yield entry.value.decode()
    yield from world.events.messages
    yield from world.runtime.calls


def test_they_are_in_the_environment_and_nowhere_else(world: World) -> None:
    put(world, secret(password=VALUE), config(mode="fast"))
    world.assign(env={"A": "b"}, envFrom=ENV)
    world.settle()
    assert world.status().state is TaskState.RUNNING
    (container,) = world.containers()
    assert {"A=b", f"PASSWORD={VALUE}", "MODE=fast"} <= set(world.runtime.spec_of(container.id).env)
    assert not [text for text in told(world) if VALUE in text]


def test_what_is_missing_is_waited_for_whatever_the_policy(world: World) -> None:
    put(world, config(mode="fast"))
    world.assign(envFrom=ENV, restart={"policy": "never"})
    world.settle()
    status = world.status()
    assert (status.state, status.reason, status.attempt) == (TaskState.STARTING, "SecretMissing", 1)
    assert status.message == "there is no secret/db: apply it; next try in 1s"
    put(world, secret(user="me"))
    world.advance(1.5)
    assert world.status().message == "secret/db has no key 'password'; next try in 2s"
    put(world, secret(password=VALUE))
    world.advance(3.0)
    assert (world.status().state, world.status().attempt) == (TaskState.RUNNING, 1)
    assert world.events.reasons.count("SecretMissing") == 2


def test_a_restart_reads_them_again(world: World) -> None:
    put(world, secret(password="old"), config(mode="fast"))
    world.assign(envFrom=ENV)
    world.settle()
    put(world, secret(password=VALUE))
    world.runtime.end(world.containers()[0].id, "SIGKILL")
    world.advance(3.0)
    last = world.containers()[-1]
    assert f"PASSWORD={VALUE}" in world.runtime.spec_of(last.id).env


def test_one_that_cannot_be_read_is_said_to_be_without_its_words(world: World) -> None:
    put(world, config(mode="fast"))
    broken = f'{{"kind": "{VALUE}"}}'.encode()
    world.memory.commit([], [Put(keys.object_key(ObjectKey("Secret", "default", "db")), broken)])
    world.assign(envFrom=ENV)
    world.settle()
    assert world.status().reason == "SecretMissing"
    assert not [text for text in told(world) if VALUE in text]


@pytest.mark.parametrize("name", ["../../x", "/etc/cron.d/x", "a/b", ".hidden", "x\n"])
def test_a_key_that_is_no_name_is_refused_though_it_is_in_the_store(world: World, name: str) -> None:
    put(world, config(mode="fast"), secret(**{"password": VALUE, name: "x"}))
    world.assign(envFrom=ENV)
    world.settle()
    assert world.status().reason == "SecretMissing"
    assert "a key that is no name" in world.status().message


def test_a_store_that_is_away_is_waited_for(world: World) -> None:
    put(world, secret(password=VALUE), config(mode="fast"))
    world.assign(envFrom=ENV)
    world.settle()
    world.store.down = True
    world.runtime.end(world.containers()[0].id, "SIGKILL")
    world.advance(20.0)
    assert world.running() == []
    world.store.down = False
    world.advance(40.0)
    assert len(world.running()) == 1
