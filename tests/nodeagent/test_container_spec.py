"""From an assignment to Docker's request body: what a user wrote arrives, and ours is stronger."""

from __future__ import annotations

import msgspec
import pytest

from nodeagent.allowance import Allowance, capabilities
from nodeagent.container_spec import container_spec
from nodeagent.limits import limit_settings
from nodeagent.names import Owner, Run
from nodeagent.runtime.docker_translate import create_body
from nodeagent.runtime.settings import LimitSettings
from taskyard.objects import Assignment, Security, TaskSpec

UID = "0123456789ab"
FULL = {
    "image": "busybox:1.35",
    "command": ["sh"],
    "args": ["-c", "true"],
    "env": {"A": "b=c", "TASKYARD_EPOCH": "forged"},
    "workdir": "/tmp",
    "user": "65534",
    "ports": [
        {"container": 80, "host": 8080},
        {"container": 53, "host": "auto", "protocol": "udp"},
        {"container": 9000},
    ],
    "volumes": [
        {"target": "/data", "name": "data", "readOnly": True},
        {"target": "/scratch", "type": "tmpfs", "size": "64Mi"},
        {"target": "/own"},
    ],
    "resources": {"cpu": "250m", "memory": "64Mi"},
    "stop": {"signal": "SIGINT", "gracePeriod": "2.6s"},
    "healthCheck": {"command": ["true"], "interval": "2s", "timeout": "500ms", "retries": 4},
    "containerLabels": {"a": "b", "taskyard/uid": "forged"},
}


USUAL = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"]


def body(spec: dict[str, object]) -> dict[str, object]:
    assignment = Assignment(
        uid=UID, namespace="shop", name="web", epoch=7, spec_hash="0a0a", spec=msgspec.convert(spec, TaskSpec)
    )
    made: dict[str, object] = msgspec.to_builtins(
        create_body(container_spec(assignment, Run(UID, 7, 3), Owner("c", "n1")))
    )
    return made


def test_all_fields() -> None:
    assert body(FULL) == {
        "Image": "busybox:1.35",
        "Entrypoint": ["sh"],
        "Cmd": ["-c", "true"],
        "Env": [
            "A=b=c",
            "TASKYARD_EPOCH=7",
            "TASKYARD_NODE=n1",
            "TASKYARD_TASK=shop/web",
            f"TASKYARD_UID={UID}",
            "TASKYARD_ATTEMPT=3",
        ],
        "WorkingDir": "/tmp",
        "User": "65534",
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}, "9000/tcp": {}},
        "StopSignal": "SIGINT",
        "StopTimeout": 3,
        "Healthcheck": {
            "Test": ["CMD", "true"],
            "Interval": 2_000_000_000,
            "Timeout": 500_000_000,
            "Retries": 4,
        },
        "Labels": {
            "a": "b",
            "taskyard/uid": UID,
            "taskyard/cluster": "c",
            "taskyard/node": "n1",
            "taskyard/epoch": "7",
            "taskyard/attempt": "3",
            "taskyard/spec-hash": "0a0a",
            "taskyard/task": "shop/web",
            "taskyard/devices": "",
            "taskyard/step": "",
            "taskyard/container": "",
            "taskyard/pre-stop": "",
            "taskyard/stop-delay": "",
            "taskyard/group": "",
        },
        "HostConfig": {
            "RestartPolicy": {"Name": "no"},
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10485760", "max-file": "3"}},
            "SecurityOpt": ["no-new-privileges"],
            "PortBindings": {"80/tcp": [{"HostPort": "8080"}], "53/udp": [{}]},
            "Mounts": [
                {"Type": "volume", "Target": "/data", "Source": "data", "ReadOnly": True},
                {"Type": "tmpfs", "Target": "/scratch", "TmpfsOptions": {"Mode": 0o1777, "SizeBytes": 64 * 2**20}},
                {"Type": "volume", "Target": "/own"},
            ],
            "CapDrop": ["ALL"],
            "CapAdd": USUAL,
            "PidsLimit": 2048,
            "NanoCpus": 250_000_000,
            "CpuShares": 256,
            "Memory": 64 * 2**20,
            "MemorySwap": 64 * 2**20,
        },
    }


def test_what_is_not_asked_for_is_not_set() -> None:
    made = body({"image": "busybox:1.35"})
    assert set(made) == {"Image", "Env", "StopSignal", "StopTimeout", "Labels", "HostConfig"}
    assert isinstance(made["HostConfig"], dict)
    assert set(made["HostConfig"]) == {
        "RestartPolicy", "LogConfig", "SecurityOpt", "CapDrop", "CapAdd", "PidsLimit"
    }  # fmt: skip


def limits(**spec: object) -> LimitSettings:
    return limit_settings(msgspec.convert({"image": "busybox:1.35", **spec}, TaskSpec))


def test_what_is_set_aside_is_the_limit_unless_there_is_another() -> None:
    set_aside = {"cpu": "500m", "memory": "64Mi"}
    alone = limits(resources=set_aside)
    assert (alone.cpu_request, alone.cpu, alone.memory_request, alone.memory) == (500, 500, 0, 64 * 2**20)
    more = limits(resources=set_aside, limits={"cpu": 2, "memory": "1Gi", "swap": "1Mi"})
    assert (more.cpu_request, more.cpu, more.memory_request) == (500, 2000, 64 * 2**20)
    assert (more.memory, more.swap) == (2**30, 2**20)
    assert limits(resources=set_aside, limits={"cpu": "none"}).cpu == 0


@pytest.mark.parametrize(
    ("security", "kept"),
    [
        pytest.param({}, USUAL, id="usual"),
        pytest.param({"capDrop": ["CHOWN", "NET_RAW"]}, USUAL[1:], id="fewer"),
        pytest.param({"capAdd": ["NET_RAW"]}, sorted([*USUAL, "NET_RAW"]), id="more"),
        pytest.param({"capDrop": ["ALL"], "capAdd": ["KILL"]}, ["KILL"], id="one"),
        pytest.param({"capDrop": ["ALL"]}, [], id="none"),
    ],
)
def test_capabilities(security: dict[str, object], kept: list[str]) -> None:
    assert list(capabilities(msgspec.convert(security, Security))) == kept


@pytest.mark.parametrize(
    ("added", "allowed", "refused"),
    [
        pytest.param(["NET_RAW", "CHOWN"], [], "", id="on-request"),
        pytest.param(["NET_ADMIN", "SYS_TIME"], ["SYS_TIME"], "NET_ADMIN:", id="one-too-many"),
        pytest.param(["NET_ADMIN"], ["NET_ADMIN"], "", id="allowed"),
    ],
)
def test_other_capabilities_are_the_operator_s_to_allow(added: list[str], allowed: list[str], refused: str) -> None:
    spec = TaskSpec(image="busybox:1.35", security=Security(cap_add=added))
    said = Allowance(capabilities=frozenset(allowed)).refusal(spec)
    assert refused in said
    assert bool(said) == bool(refused)
