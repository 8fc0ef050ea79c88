"""from_flat: the seed's bodies, as its clients send them."""

from __future__ import annotations

from typing import Any

import pytest

from taskyard.manifest import ManifestError, from_flat, read_object

FLAT = {
    "name": "web-server",
    "image": "nginx:latest",
    "memory": 512,
    "cpu": 1.0,
    "disk": 1,
    "exposedPorts": {"80/tcp": {}},
}
EVENT = {
    "ID": "6be4cb6b-61d1-40cb-bc7b-9cacefefa60c",
    "State": 1,
    "Timestamp": "2026-01-31T12:00:00Z",
    "Task": {
        "ID": "21B23589-5D2D-4731-B5C9-A97E9832D021",
        "ContainerID": "",
        "Name": "test-chapter-9",
        "State": 1,
        "Image": "timboring/echo-server:latest",
        "Cpu": 0,
        "Memory": 256,
        "Disk": 0,
        "ExposedPorts": {"7777/tcp": {}},
        "PortBindings": {"7777/tcp": "7777"},
        "RestartPolicy": "",
        "StartTime": "0001-01-01T00:00:00Z",
        "HealthCheck": "",
    },
}


@pytest.mark.parametrize(
    ("body", "metadata", "spec"),
    [
        pytest.param(
            FLAT,
            {"name": "web-server"},
            {
                "image": "nginx:latest",
                "resources": {"memory": "512Mi", "cpu": 1.0, "disk": "1Gi"},
                "ports": [{"container": 80, "host": "auto"}],
            },
            id="flat",
        ),
        pytest.param(
            EVENT,
            {
                "name": "test-chapter-9",
                "annotations": {"taskyard/client-id": "21B23589-5D2D-4731-B5C9-A97E9832D021"},
            },
            {
                "image": "timboring/echo-server:latest",
                "resources": {"memory": "256Mi"},
                "ports": [{"container": 7777, "host": 7777}],
            },
            id="event",
        ),
        pytest.param(
            {"Name": "a", "Image": "b", "Env": ["A=b=c", "D="], "Cmd": ["x"], "RestartPolicy": "on-failure:3"},
            {"name": "a"},
            {
                "image": "b",
                "args": ["x"],
                "env": {"A": "b=c", "D": ""},
                "restart": {"policy": "on-failure", "maxRestarts": 3},
            },
            id="capitals-and-docker-s-lists",
        ),
        pytest.param(
            {"name": "a", "image": "b", "restartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0}},
            {"name": "a"},
            {"image": "b", "restart": {"policy": "always"}},
            id="docker-s-restart-policy",
        ),
        pytest.param(
            {"name": "a", "image": "b", "portBindings": {"53/udp": [{"HostIp": "", "HostPort": "5353"}], "80": ""}},
            {"name": "a"},
            {
                "image": "b",
                "ports": [{"container": 53, "host": 5353, "protocol": "udp"}, {"container": 80, "host": "auto"}],
            },
            id="docker-s-port-bindings",
        ),
        pytest.param({"ID": "ABC-1", "Image": "b"}, {"name": "abc-1", "annotations": {"taskyard/client-id": "ABC-1"}},
                     {"image": "b"}, id="named-by-its-id"),
        pytest.param({"name": "a", "image": "b", "memory": "512Mi", "disk": 0.5, "namespace": "shop"},
                     {"name": "a", "namespace": "shop"},
                     {"image": "b", "resources": {"memory": "512Mi", "disk": "512Mi"}}, id="units-and-fractions"),
    ],
)  # fmt: skip
def test_it_becomes_a_manifest(body: dict[str, Any], metadata: dict[str, Any], spec: dict[str, Any]) -> None:
    manifest = from_flat(body)
    assert manifest == {"apiVersion": "taskyard/v1", "kind": "Task", "metadata": metadata, "spec": spec}
    read_object(manifest)


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        pytest.param({}, {"name": "add name", "image": "add image"}, id="empty"),
        pytest.param(FLAT | {"memory": "512"}, {"memory": "write 512"}, id="memory-in-quotes"),
        pytest.param(FLAT | {"memory": 1}, {"memory": "number of MiB"}, id="memory-too-small"),
        pytest.param(FLAT | {"memory": "512MB"}, {"memory": "number of MiB"}, id="memory-unit"),
        pytest.param(FLAT | {"cpu": True}, {"cpu": "a number"}, id="cpu-true"),
        pytest.param(FLAT | {"disk": -1}, {"disk": "number of GiB"}, id="disk-negative"),
        pytest.param(FLAT | {"name": "Web_1"}, {"name": "'web-1'"}, id="name"),
        pytest.param(FLAT | {"imag": "x"}, {"imag": "image?"}, id="unknown-field"),
        pytest.param(FLAT | {"Memory": 1}, {"Memory": "keep one"}, id="twice-by-case"),
        pytest.param(FLAT | {"exposedPorts": ["80"]}, {"exposedPorts": "80/tcp"}, id="ports-list"),
        pytest.param(FLAT | {"exposedPorts": {"99999": {}}}, {'exposedPorts["99999"]': "80/tcp"}, id="port-range"),
        pytest.param(FLAT | {"portBindings": {"80/tcp": "x"}}, {'portBindings["80/tcp"]': "8080"}, id="host-port"),
        pytest.param(FLAT | {"restartPolicy": "maybe"}, {"restartPolicy": "on-failure"}, id="restart-policy"),
        pytest.param(FLAT | {"env": {"A": 1}}, {"env.A": "quote it"}, id="env"),
        pytest.param(EVENT | {"State": 3}, {"State": "DELETE"}, id="stop-event"),
        pytest.param(EVENT | {"Extra": 1}, {"Extra": "under Task"}, id="event-field"),
        pytest.param({"Task": []}, {"Task": "send {"}, id="task-list"),
        pytest.param({"Task": {"Name": "a", "HealthCheck": "/health"}},
                     {"Task.HealthCheck": "healthCheck: {command", "Task.Image": "add image"}, id="event-task"),
    ],
)  # fmt: skip
def test_every_problem_is_named_by_the_body_s_own_field(body: dict[str, Any], problems: dict[str, str]) -> None:
    with pytest.raises(ManifestError) as caught:
        from_flat(body)
    assert {problem.path for problem in caught.value.problems} == problems.keys()
    assert len(caught.value.problems) == len(problems)
    for problem in caught.value.problems:
        assert problems[problem.path] in problem.hint
