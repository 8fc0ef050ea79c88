"""What a task asks for beyond its container, all the way through one agent on a real Docker: checks that decide on
restarts, exit codes, what the node refuses or waits for, values, and what goes with the task."""

from __future__ import annotations

import socket
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import docker
import pytest

from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Config, ConfigSpec, Metadata, Secret, SecretSpec, TaskStatus, encode
from taskyard.store.api import Put
from tests.nodeagent.agent_process import AgentProcess
from tests.support.docker_engine import DockerEngine
from tests.support.etcd_server import EtcdServer

pytestmark = [pytest.mark.docker, pytest.mark.etcd]
SOON = {"backoff": {"initial": "100ms", "max": "300ms"}}
AT_ONCE = {"gracePeriod": "0s"}
OFTEN = {"interval": "200ms", "timeout": "2s", "failures": 2}
PATIENCE = 60.0


def socket_of(engine: DockerEngine) -> Path:
    return Path(engine.host.removeprefix("unix://"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, docker_engine: DockerEngine) -> Path:
    """The node's operator allows it, and the folder of the engine; it leads out by two links."""
    found = tmp_path_factory.mktemp("allowed")
    (found / "file").write_text("from the node")
    (found / "out").symlink_to("/etc")
    (found / "engine").symlink_to("/run")
    (found / "socket").symlink_to(socket_of(docker_engine))
    return found


@pytest.fixture(scope="module")
def agent(
    tmp_path_factory: pytest.TempPathFactory, etcd_of_session: EtcdServer, docker_engine: DockerEngine, folder: Path
) -> Iterator[AgentProcess]:
    """One for all of them: each has tasks of its own."""
    etcd_of_session.wipe()
    process = AgentProcess(tmp_path_factory.mktemp("agent"), etcd_of_session.endpoint, docker_engine.host)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        allowed = ("--allow-host-path", str(folder), "--allow-host-path", str(socket_of(docker_engine).parent))
        process.start(*allowed, "--secrets-dir", memory)
        process.ready()
        yield process
        process.stop()
        docker_engine.remove_all(f"taskyard/cluster={process.cluster}")


@pytest.fixture
def client(agent: AgentProcess) -> Iterator[docker.APIClient]:
    with closing(docker.APIClient(agent.docker_host, version="auto")) as client:
        yield client


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def said(agent: AgentProcess, uid: str, reason: str) -> TaskStatus:
    return agent.until(lambda: (found := agent.status(uid)) and found.reason == reason and found, timeout=PATIENCE)


def ready(agent: AgentProcess, uid: str, attempt: int = 1) -> TaskStatus:
    return agent.until(
        lambda: (found := agent.status(uid)) and found.ready and found.attempt >= attempt and found, timeout=PATIENCE
    )


def leave(agent: AgentProcess, *uids: str) -> None:
    for uid in uids:
        agent.unassign(uid)
    agent.until(lambda: not any(uid in name for name in agent.containers() for uid in uids), timeout=PATIENCE)


def put(agent: AgentProcess, value: Secret | Config) -> None:
    kind = "Secret" if isinstance(value, Secret) else "Config"
    agent.store.commit([], [Put(keys.object_key(ObjectKey(kind, "default", value.metadata.name)), encode(value))])


PAGE = "mkdir -p /www; touch /www/ready; httpd -p 80 -h /www; echo up; "
WAYS: list[dict[str, Any]] = [
    {
        "checks": {
            "startup": {"tcp": {"port": 80}, "interval": "100ms", "failures": 100},
            "readiness": {"http": {"port": 80, "path": "/ready"}, **OFTEN},
            "liveness": {"command": ["test", "-e", "/www/ready"], **OFTEN},
        }
    },
    {"healthCheck": {"command": ["test", "-e", "/www/ready"], "interval": "200ms", "timeout": "2s", "retries": 2}},
]


@pytest.fixture
def healthchecked(client: docker.APIClient) -> Iterator[str]:
    """An image whose author has said when it is healthy."""
    repository = f"healthchecked-{uuid.uuid4().hex[:8]}"
    made = client.create_container("busybox:1.35", ["true"])["Id"]
    healthcheck = "HEALTHCHECK --interval=200ms --timeout=2s --retries=2 CMD test -e /www/ready"
    client.commit(made, repository, "1", changes=healthcheck)
    client.remove_container(made)
    yield f"{repository}:1"
    client.remove_image(f"{repository}:1", force=True)


@pytest.mark.differs_on_podman
def test_checks_decide_on_traffic_and_on_a_restart(
    agent: AgentProcess, client: docker.APIClient, healthchecked: str
) -> None:
    """Those of the task, by the agent and by Docker, and the image's own."""
    ways = [*WAYS, {"image": healthchecked, "pullPolicy": "Never"}]
    uids = [agent.assign(command=shell(PAGE + "sleep 1000"), restart=SOON, stop=AT_ONCE, **way) for way in ways]
    first = [ready(agent, uid) for uid in uids]
    for status in first:
        client.exec_start(client.exec_create(status.container_id, ["rm", "/www/ready"])["Id"])
    for uid, words in zip(uids, ("its liveness check fails: exit code 1", "health check", "health check"), strict=True):
        status = ready(agent, uid, attempt=2)
        assert status.last_exit is not None
        assert (status.last_exit.reason, status.restarts) == ("Unhealthy", 1)
        agent.until(partial(agent.told, uid, words))
    leave(agent, *uids)


def test_an_exit_code_decides_with_the_policy(agent: AgentProcess) -> None:
    failing, succeeding, given_up = (
        agent.assign(
            command=shell(f"exit {code}"), restart=SOON | {"policy": "on-failure", "exitCodes": {"never": [9]}}
        )
        for code in (3, 0, 9)
    )
    assert agent.wait_for(succeeding, "Completed", timeout=PATIENCE).restarts == 0
    ended = agent.wait_for(given_up, "Failed", timeout=PATIENCE)
    assert (ended.exit_code, ended.restarts) == (9, 0)
    again = agent.until(
        lambda: (found := agent.status(failing)) and found.attempt >= 3 and found.last_exit and found, timeout=PATIENCE
    )
    assert again.last_exit is not None
    assert (again.last_exit.exit_code, again.last_exit.attempt) == (3, again.attempt - 1)
    leave(agent, failing, succeeding, given_up)


def test_what_the_node_s_operator_did_not_allow_is_refused_with_the_reason(
    agent: AgentProcess, folder: Path, docker_engine: DockerEngine
) -> None:
    """The engine's socket would be below an allowed folder."""
    engine = socket_of(docker_engine)

    def mounts(path: Path, **more: Any) -> dict[str, Any]:
        return {"volumes": [{"type": "host", "path": str(path), "target": "/x", **more}]}

    good = agent.assign(command=shell("cat /x/file; echo; sleep 1000"), stop=AT_ONCE, **mounts(folder, readOnly=True))
    refused: list[tuple[dict[str, Any], str]] = [
        (mounts(folder / "out"), "/etc) is not below a folder that this node allows"),
        (mounts(folder / "engine"), "/run) is not below a folder that this node allows"),
        (mounts(engine), f"{engine} is never mounted"),
        (mounts(engine.parent), f"{engine.parent} is never mounted: with {engine} a task would own this node"),
        (mounts(folder / "socket"), f"(a link to {engine}) is never mounted"),
        (mounts(folder / "nothing"), "it is not there on this node"),
        ({"security": {"capAdd": ["NET_ADMIN"]}}, "--allow-capability"),
        ({"network": {"mode": "host"}}, "--allow-host-network"),
    ]
    uids = [agent.assign("sleep", "1000", restart=SOON, **spec) for spec, _ in refused]
    for uid, (_, words) in zip(uids, refused, strict=True):
        agent.until(partial(agent.told, uid, "NotAllowed", words), timeout=PATIENCE)
        assert not any(uid in name for name in agent.containers())
    agent.wait_for(good, "Running", timeout=PATIENCE)
    agent.until(lambda: agent.logs(good) == ["from the node"], timeout=PATIENCE)
    leave(agent, good, *uids)


NOWHERE = {"container": 80, "host": "auto", "address": "192.0.2.1", "name": "http"}
IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"ports": [NOWHERE]}, "no port can be published on 192.0.2.1, which is no address of this node"),
    ({"ports": [NOWHERE], "envFrom": {"PORT": {"field": "ports.http"}}}, "no port to publish can be had on 192.0.2.1"),
    ({"command": ["no-such-program"]}, 'unable to start container process: exec: \\"no-such-program\\"'),
    ({"user": "nobody-here"}, "unable to find user nobody-here"),
    ({"workdir": "/etc/passwd"}, "/etc/passwd is not a directory"),
]


def test_what_the_node_cannot_do_is_a_failed_start_with_its_reason_and_a_backoff(agent: AgentProcess) -> None:
    slow = {"policy": "always", "backoff": {"initial": "1h", "max": "1h"}}
    uids = [agent.assign("sleep", "1000", restart=slow, **spec) for spec, _ in IMPOSSIBLE]
    for uid, (_, words) in zip(uids, IMPOSSIBLE, strict=True):
        agent.until(partial(agent.told, uid, "StartFailed", words), timeout=PATIENCE)
        status = agent.until(lambda uid=uid: agent.status(uid), timeout=PATIENCE)
        assert (status.reason, status.attempt, bool(status.next_attempt_at)) == ("BackOff", 2, True)
    agent.until(lambda: not any(uid in name for name in agent.containers() for uid in uids), timeout=PATIENCE)
    leave(agent, *uids)


def test_tasks_of_a_group_that_start_at_once_are_on_one_network(agent: AgentProcess) -> None:
    uids = [agent.assign("sleep", "1000", network={"group": "crowd"}, stop=AT_ONCE, restart=SOON) for _ in range(4)]
    for uid in uids:
        assert agent.wait_for(uid, "Running", timeout=PATIENCE).restarts == 0
    leave(agent, *uids)


def test_what_is_not_there_yet_is_waited_for(agent: AgentProcess, client: docker.APIClient) -> None:
    """A port that somebody has, an image that must not be fetched, a value that nobody has put yet."""
    image, always = f"late-{agent.cluster[:8]}:1", SOON | {"policy": "never"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        port = agent.assign(
            "sleep", "1000", ports=[{"container": 80, "host": taken, "address": "127.0.0.1"}], restart=SOON,
            stop=AT_ONCE,
        )  # fmt: skip
        late = agent.assign("sleep", "1000", image=image, pullPolicy="Never", restart=always, stop=AT_ONCE)
        value = agent.assign(
            command=shell("echo $A $B; sleep 1000"), restart=always, stop=AT_ONCE,
            envFrom={"A": {"secret": "late", "key": "a"}, "B": {"config": "late", "key": "b"}},
        )  # fmt: skip
        assert "pullPolicy Never forbids" in said(agent, late, "ImageMissing").message
        assert "late" in said(agent, value, "SecretMissing").message
        put(agent, Secret(metadata=Metadata(name="late"), spec=SecretSpec(data={"a": "from-secret"})))
        assert "late" in said(agent, value, "ConfigMissing").message
        put(agent, Config(metadata=Metadata(name="late"), spec=ConfigSpec(data={"b": "from-config"})))
        client.tag("busybox:1.35", *image.split(":"))
        words = f"host port {taken} is already in use"
        agent.until(lambda: (found := agent.status(port)) and words in found.message, timeout=PATIENCE)
    for uid in (port, late, value):
        agent.wait_for(uid, "Running", timeout=PATIENCE)
    status = agent.status(port)
    assert status is not None
    assert [(one.host, one.address) for one in status.ports] == [(taken, "127.0.0.1")]
    agent.until(lambda: agent.logs(value) == ["from-secret from-config"], timeout=PATIENCE)
    leave(agent, port, late, value)
    client.remove_image(image)


def test_a_config_is_a_file_and_its_change_restarts_the_task_that_says_so(agent: AgentProcess) -> None:
    put(agent, Config(metadata=Metadata(name="page"), spec=ConfigSpec(data={"text": "old"})))
    volume = {"type": "config", "name": "page", "target": "/etc/page", "onChange": "restart"}
    uid = agent.assign(command=shell("cat /etc/page/text; echo; sleep 1000"), volumes=[volume], stop=AT_ONCE,
                       restart={"policy": "never"})  # fmt: skip
    agent.wait_for(uid, "Running", timeout=PATIENCE)
    agent.until(lambda: agent.logs(uid) == ["old"], timeout=PATIENCE)
    put(agent, Config(metadata=Metadata(name="page"), spec=ConfigSpec(data={"text": "new"})))
    status = agent.wait_for(uid, "Running", attempt=2, timeout=PATIENCE)
    agent.until(lambda: agent.logs(uid) == ["new"], timeout=PATIENCE)
    assert agent.logs(uid, previous="1") == ["old"]
    assert status.restarts == 0
    leave(agent, uid)


def test_a_config_changes_in_a_container_that_runs_on(agent: AgentProcess) -> None:
    put(agent, Config(metadata=Metadata(name="live"), spec=ConfigSpec(data={"text": "old", "gone": "x"})))
    volume = {"type": "config", "name": "live", "target": "/etc/live", "onChange": "update"}
    look = "while :; do echo $(cd /etc/live; ls; cat text); sleep 0.1; done"
    uid = agent.assign(command=shell(look), volumes=[volume], stop=AT_ONCE)
    first = agent.wait_for(uid, "Running", timeout=PATIENCE)
    agent.until(lambda: "gone text old" in agent.logs(uid), timeout=PATIENCE)
    put(agent, Config(metadata=Metadata(name="live"), spec=ConfigSpec(data={"text": "new", "more": "y"})))
    agent.until(lambda: "more text new" in agent.logs(uid), timeout=PATIENCE)
    assert agent.status(uid) == first
    agent.until(partial(agent.told, uid, "ValuesUpdated", "/etc/live"), timeout=PATIENCE)
    leave(agent, uid)


def test_what_belongs_to_a_task_goes_with_it_and_what_is_others_stays(
    agent: AgentProcess, client: docker.APIClient
) -> None:
    mine, kept = f"{agent.cluster}-mine", f"{agent.cluster}-kept"
    volumes = [{"name": mine, "target": "/mine", "onDelete": "remove"}, {"name": kept, "target": "/kept"}]
    uid = agent.assign("sleep", "1000", volumes=volumes, network={"group": "front"}, stop=AT_ONCE)
    agent.wait_for(uid, "Running", timeout=PATIENCE)
    network = {"label": f"taskyard/cluster={agent.cluster}"}
    assert len(client.networks(filters=network)) == 1
    # The right labels under a name that is not ours, and a name of ours without the labels.
    labels = {"taskyard/cluster": agent.cluster, "taskyard/node": "n1", "taskyard/uid": uid, "taskyard/epoch": "9"}
    theirs = [
        client.create_container("busybox:1.35", ["sleep", "1000"], name=f"{uid}-imitation", labels=labels)["Id"],
        client.create_container("busybox:1.35", ["sleep", "1000"], name=f"ty-{uid}-9-1")["Id"],
    ]
    try:
        for one in theirs:
            client.start(one)
        agent.unassign(uid)
        agent.until(lambda: not client.networks(filters=network), timeout=PATIENCE)
        names = {volume["Name"] for volume in client.volumes()["Volumes"] or ()}
        assert (mine in names, kept in names) == (False, True)
        assert [client.inspect_container(one)["State"]["Running"] for one in theirs] == [True, True]
    finally:
        for one in theirs:
            client.remove_container(one, force=True)
        client.remove_volume(kept)
