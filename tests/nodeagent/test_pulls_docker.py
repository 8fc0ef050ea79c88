"""Pulls on a real Docker from a real registry that takes its time: given up at once, no outage during
an update, and few at a time."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from nodeagent.runtime.docker import DockerRuntime
from nodeagent.runtime.port import RuntimeUnavailable
from tests.nodeagent.agent_process import AgentProcess
from tests.support.docker_engine import DockerEngine
from tests.support.etcd_server import EtcdServer
from tests.support.registry import Registry, running_registry
from tests.support.waiting import until

pytestmark = [pytest.mark.docker, pytest.mark.etcd]
_SLOW = 100_000.0


@pytest.fixture
def registry(tmp_path: Path, docker_engine: DockerEngine) -> Iterator[Registry]:
    with running_registry(tmp_path / "registry") as registry:
        yield registry
        client = docker_engine.client()
        for image in client.images(filters={"reference": f"{registry.host}/*"}):
            client.remove_image(image["Id"], force=True)
        client.close()


@pytest.fixture
def agent(tmp_path: Path, etcd: EtcdServer, docker_engine: DockerEngine, registry: Registry) -> Iterator[AgentProcess]:
    del registry  # Its images go after the containers that are made of them.
    process = AgentProcess(tmp_path, etcd.endpoint, docker_engine.host)
    yield process
    process.stop()
    docker_engine.remove_all(f"taskyard/cluster={process.cluster}")


def test_a_pull_that_is_given_up_ends_at_once_and_can_be_had_later(
    registry: Registry, docker_engine: DockerEngine
) -> None:
    image = registry.push(docker_engine.host, "noise:1", megabytes=4)
    runtime = DockerRuntime(docker_engine.host)
    registry.relay.slow_down(_SLOW)
    sent = registry.relay.answered
    transfer = runtime.pull(image)
    ended: list[float] = []

    def run() -> None:
        with pytest.raises(RuntimeUnavailable):
            transfer.run()
        ended.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: registry.relay.answered > sent + 200_000)
    given_up = time.monotonic()
    transfer.close()
    thread.join(5.0)
    assert ended
    assert ended[0] - given_up < 1.0
    assert runtime.find_image(image) is None
    registry.relay.slow_down(0)
    runtime.pull(image).run()
    assert runtime.find_image(image)
    runtime.close()


def test_a_task_reacts_while_its_image_is_fetched(agent: AgentProcess, registry: Registry) -> None:
    image = registry.push(agent.docker_host, "noise:2", megabytes=8)
    agent.start()
    agent.ready()
    uid = agent.assign("sleep", "1000", stop={"gracePeriod": "0s"})
    agent.wait_for(uid, "Running")
    registry.relay.slow_down(_SLOW)
    agent.assign("sleep", "1000", uid=uid, epoch=2, image=image)
    status = agent.until(lambda: (found := agent.status(uid)) and found.reason == "Pulling" and found)
    assert status.epoch == 2
    assert agent.containers() == {f"ty-{uid}-1-1": "running"}

    asked = time.monotonic()
    agent.assign("sleep", "1000", uid=uid, epoch=3, desired="Stopped", image=image)
    agent.wait_for(uid, "Completed")
    # Killing and removing the container takes a part of it.
    assert time.monotonic() - asked < 2.0
    assert agent.containers() == {}


def test_few_are_fetched_at_once_and_say_how_much_has_come(agent: AgentProcess, registry: Registry) -> None:
    names = {registry.push(agent.docker_host, f"{name}:1", megabytes=3): name for name in ("one", "two", "three")}
    agent.start("--max-pulls", "2")
    agent.ready()
    registry.relay.slow_down(_SLOW)
    # They have no program, so none gets to run.
    uids = {agent.assign(image=image, restart={"policy": "never"}): name for image, name in names.items()}

    def come() -> list[str]:
        statuses = {uid: agent.status(uid) for uid in uids}
        return [uid for uid, status in statuses.items() if status and "MiB have come" in status.message]

    agent.until(lambda: len(come()) == 2, timeout=60.0)
    assert registry.asked_for() == {uids[uid] for uid in come()}
    (last,) = uids.keys() - set(come())
    status = agent.status(last)
    assert status is not None
    assert (status.reason, "come" in status.message) == ("Pulling", False)

    registry.relay.slow_down(0)
    for uid in uids:
        agent.wait_for(uid, "Failed", timeout=60.0)
    assert registry.asked_for() == set(names.values())
    for uid in uids:
        agent.until(partial(agent.told, uid, "Pulled", "fetched image"))
    amounts = [re.search(r"([0-9.]+) of ([0-9.]+) MiB have come", event) for event in agent.events() for uid in uids
               if f"task-{uid}" in event]  # fmt: skip
    assert sum(found is not None and 0 < float(found[1]) < float(found[2]) for found in amounts) >= 2
