"""Secrets and Configs as files of a task: written before it starts, kept as they are in the store, gone with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from nodeagent.assigned import assigned
from nodeagent.freshness import Freshness
from nodeagent.runtime.fake_program import Program
from nodeagent.value_files import ValueFiles
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Assignment, Config, Metadata, Result, Secret, TaskState, decode, encode
from taskyard.objects.config import ConfigSpec
from taskyard.objects.secret import SecretSpec
from taskyard.store.api import Delete, Entry, Put
from taskyard.store.faulty import FaultyStore
from tests.nodeagent.world import FOREVER, UID, World

VALUE = "s3cr3t-value"
SECRET = {"type": "secret", "name": "db", "target": "/run/db", "mode": "0400"}
CONFIG = {"type": "config", "name": "app", "target": "/etc/app", "onChange": "restart"}


@pytest.fixture
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield World(secrets_dir=Path(folder))


def put_secret(world: World, **data: str) -> None:
    value = Secret(metadata=Metadata(name="db"), spec=SecretSpec(data=data))
    world.memory.commit([], [Put(keys.object_key(ObjectKey("Secret", "default", "db")), encode(value))])


def put_config(world: World, **data: str) -> None:
    value = Config(metadata=Metadata(name="app"), spec=ConfigSpec(data=data))
    world.memory.commit([], [Put(keys.object_key(ObjectKey("Config", "default", "app")), encode(value))])


def mounted(world: World, target: str) -> Path:
    """Of the newest container."""
    spec = world.runtime.spec_of(world.containers()[-1].id)
    (mount,) = [mount for mount in spec.mounts if mount.target == target]
    assert mount.read_only
    return Path(mount.source)


def told(world: World) -> str:
    stored = [entry.value.decode() for entry in world.memory.list("").entries if "/secrets/" not in entry.key]
    return "\n".join([*stored, *world.events.messages, *world.runtime.calls])


def refresh(world: World) -> None:
    world.freshness.step()
    world.settle()


def test_they_are_there_when_it_starts_and_told_nobody(world: World) -> None:
    put_secret(world, password=VALUE)
    put_config(world, mode="fast")
    world.assign(volumes=[SECRET, CONFIG])
    world.settle()
    assert world.status().state is TaskState.RUNNING
    assert (mounted(world, "/run/db") / "password").read_text() == VALUE
    assert (mounted(world, "/etc/app") / "mode").read_text() == "fast"
    assert VALUE not in told(world)


def test_what_is_missing_is_waited_for(world: World) -> None:
    world.assign(volumes=[SECRET], restart={"policy": "never"})
    world.settle()
    assert (world.status().state, world.status().reason) == (TaskState.STARTING, "SecretMissing")
    put_secret(world, password=VALUE)
    world.advance(3.0)
    assert (world.status().state, world.status().attempt) == (TaskState.RUNNING, 1)


def test_a_sidecar_that_is_made_again_does_not_hide_a_change_from_the_task(world: World) -> None:
    put_config(world, mode="fast")
    world.assign(volumes=[CONFIG], sidecars=[{"name": "proxy", "args": ["proxy"]}])
    world.settle()
    put_config(world, mode="slow")
    world.runtime.remove(f"ty-{UID}-1-1-side1", force=True)
    world.advance(1.0)
    assert world.status().sidecars[0].state == "Running"
    refresh(world)
    world.advance(25.0)
    assert (world.status().state, world.status().attempt) == (TaskState.RUNNING, 2)
    assert (mounted(world, "/etc/app") / "mode").read_text() == "slow"


@pytest.mark.parametrize("other", [[], [CONFIG]], ids=["no image", "another is missing"])
def test_files_go_with_a_task_that_never_got_a_container(world: World, other: list[dict[str, str]]) -> None:
    put_secret(world, password=VALUE)
    world.assign(image="busybox:1.35" if other else "far:1", volumes=[SECRET, *other])
    world.settle()
    assert list(world.secrets_dir.glob(f"*/{UID}"))
    world.unassign()
    world.advance(1.0)
    assert not list(world.secrets_dir.glob(f"*/{UID}"))


def test_a_change_reaches_the_container_that_runs(world: World) -> None:
    put_secret(world, password="old")
    world.assign(volumes=[SECRET])
    world.settle()
    folder = mounted(world, "/run/db")
    put_secret(world, password=VALUE)
    refresh(world)
    assert (folder / "password").read_text() == VALUE
    assert (world.status().attempt, world.status().state) == (1, TaskState.RUNNING)
    assert "ValuesUpdated" in world.events.reasons
    assert VALUE not in told(world)
    told_before = len(world.events.reasons)
    refresh(world)
    assert len(world.events.reasons) == told_before


@pytest.mark.parametrize("policy", ["always", "never"])
def test_a_change_restarts_one_that_asks_for_it_once(world: World, policy: str) -> None:
    put_config(world, mode="slow")
    world.assign(volumes=[CONFIG], restart={"policy": policy})
    world.settle()
    put_config(world, mode="fast")
    assert (mounted(world, "/etc/app") / "mode").read_text() == "slow"
    refresh(world)
    world.advance(11.0)
    refresh(world)
    status = world.status()
    assert (status.state, status.attempt, status.restarts) == (TaskState.RUNNING, 2, 0)
    assert (mounted(world, "/etc/app") / "mode").read_text() == "fast"
    assert status.last_exit is not None
    assert status.last_exit.reason == "ValuesChanged"
    assert "config/app has changed; it is started again with the new values" in world.events.messages


@pytest.mark.parametrize("job", ["", "nightly"])
def test_a_job_s_that_ends_well_while_it_is_stopped_for_a_change_is_done(world: World, job: str) -> None:
    """It says that its work is done, and a job's is not done twice; what serves has nothing to be done with."""
    world.runtime.programs[FOREVER] = Program(signalled=0)
    put_config(world, mode="slow")
    world.assign(volumes=[CONFIG], restart={"policy": "on-failure"}, result_of=job)
    world.settle()
    put_config(world, mode="fast")
    refresh(world)
    world.advance(11.0)
    status, result = world.status(), world.memory.get(keys.result(UID))
    if not job:
        assert (status.state, status.attempt) == (TaskState.RUNNING, 2)
        return
    assert (status.state, status.attempt, status.exit_code) == (TaskState.COMPLETED, 1, 0)
    assert result is not None
    assert decode(result.value, Result).succeeded


def test_a_version_without_the_files_is_not_restarted_for_them(world: World) -> None:
    put_config(world, mode="slow")
    world.assign(volumes=[CONFIG])
    world.settle()
    put_config(world, mode="fast")
    world.freshness.step()
    world.assign(2)
    world.advance(11.0)
    assert (world.status().state, world.status().epoch, world.status().attempt) == (TaskState.RUNNING, 2, 1)


def test_a_new_agent_finishes_the_restart(world: World) -> None:
    put_config(world, mode="slow")
    world.assign(volumes=[CONFIG])
    world.settle()
    world.boot()
    put_config(world, mode="fast")
    world.settle()
    refresh(world)
    world.boot()
    world.advance(11.0)
    assert (world.status().state, world.status().attempt) == (TaskState.RUNNING, 2)
    assert (mounted(world, "/etc/app") / "mode").read_text() == "fast"


def test_one_that_goes_away_changes_nothing(world: World) -> None:
    put_config(world, mode="slow")
    world.assign(volumes=[CONFIG])
    world.settle()
    world.memory.commit([], [Delete(keys.object_key(ObjectKey("Config", "default", "app")))])
    refresh(world)
    assert (world.status().state, world.status().attempt) == (TaskState.RUNNING, 1)
    assert (mounted(world, "/etc/app") / "mode").read_text() == "slow"


@pytest.mark.parametrize("by_a_new_agent", [False, True])
def test_the_files_go_with_the_task(world: World, by_a_new_agent: bool) -> None:
    put_secret(world, password=VALUE)
    world.assign(volumes=[SECRET])
    world.settle()
    folder = mounted(world, "/run/db")
    if by_a_new_agent:
        world.boot()
    world.unassign()
    world.advance(15.0)
    assert world.containers() == []
    assert not folder.exists()


def test_files_of_a_task_that_is_gone_are_removed_by_the_next_agent(world: World) -> None:
    put_secret(world, password=VALUE)
    world.assign(volumes=[SECRET])
    world.settle()
    folder = mounted(world, "/run/db")
    world.runtime.remove(world.containers()[0].id, force=True)
    world.memory.commit([], [Delete(keys.assignment("n1", UID)), Delete(keys.status("n1", UID))])
    world.boot()
    world.settle()
    assert not folder.exists()


def test_a_change_that_is_being_read_does_not_outlive_the_task(world: World) -> None:
    """The task's last container and its files go between the look at the Secret and the write."""
    put_secret(world, password="old")
    world.assign(volumes=[SECRET])
    world.settle()
    folder = mounted(world, "/run/db")
    put_secret(world, password=VALUE)

    class GoneMeanwhile(FaultyStore):
        def get(self, key: str) -> Entry | None:
            found = super().get(key)
            world.unassign()
            world.advance(15.0)
            assert not folder.exists()
            return found

    def as_it_was(assignments: Sequence[Assignment]) -> Freshness:
        store, files = GoneMeanwhile(world.memory), ValueFiles(world.secrets_dir, world.owner)
        return Freshness(store, files, world.events, lambda: assignments, world.queue.add)

    as_it_was(list(assigned(world.informer))).step()
    assert not list(world.secrets_dir.glob(f"*/{UID}"))
    assert "ValuesUpdated" not in world.events.reasons


def test_without_memory_for_them_it_waits_and_says_so(tmp_path: Path) -> None:
    world = World(secrets_dir=tmp_path)
    put_secret(world, password=VALUE)
    world.assign(volumes=[SECRET], restart={"policy": "never"})
    world.settle()
    assert (world.status().state, world.status().reason) == (TaskState.STARTING, "FilesUnwritten")
    assert "start the agent with a --secrets-dir on a tmpfs" in world.status().message
