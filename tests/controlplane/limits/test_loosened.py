"""What of a task's security is looser than its namespace allows, and what of it is for its node alone to say."""

from __future__ import annotations

import pytest

from controlplane.limits import beyond
from controlplane.limits.loosened import asks_for_more
from taskyard.objects import Network, Security, TaskLimits, TaskSpec, Volume


def caps(*names: str) -> TaskSpec:
    return TaskSpec(image="a:1", security=Security(cap_add=[*names]))


def mounts(path: str) -> TaskSpec:
    return TaskSpec(
        image="a:1", volumes=[Volume(name="data", target="/data"), Volume(type="host", path=path, target="/x")]
    )


ON_HOST = TaskSpec(image="a:1", network=Network(mode="host"))
NOTHING = TaskLimits(capabilities=[])


@pytest.mark.parametrize("spec", [caps("SYS_ADMIN"), ON_HOST, mounts("/etc")], ids=["caps", "network", "paths"])
def test_a_namespace_that_says_nothing_allows_nothing(spec: TaskSpec) -> None:
    assert len(beyond(TaskLimits(), spec)) == 1
    assert asks_for_more(spec)


def test_what_no_node_has_to_allow_is_for_a_namespace_to_take_away() -> None:
    assert beyond(TaskLimits(), caps("NET_RAW", "MKNOD")) == []
    assert beyond(TaskLimits(capabilities=["NET_ADMIN"]), caps("NET_RAW")) != []


def test_a_usual_task_need_not_be_looked_at() -> None:
    assert not asks_for_more(TaskSpec(image="a:1", volumes=[Volume(name="data", target="/data")]))


def test_what_a_usual_container_has_is_not_looser() -> None:
    assert beyond(NOTHING, caps("CHOWN", "NET_BIND_SERVICE")) == []
    assert beyond(NOTHING, mounts("")) != []
    assert beyond(NOTHING, TaskSpec(image="a:1", volumes=[Volume(name="data", target="/data")])) == []


def test_capabilities_are_named_with_those_that_are_allowed() -> None:
    told = beyond(TaskLimits(capabilities=["NET_RAW"]), caps("SYS_TIME", "NET_RAW", "NET_ADMIN"), "spec.template.spec")
    assert told == ["spec.template.spec.security.capAdd has NET_ADMIN, SYS_TIME, and may have NET_RAW"]
    assert beyond(NOTHING, caps("NET_RAW")) == ["spec.security.capAdd has NET_RAW, and may have none"]


def test_the_node_s_network() -> None:
    assert beyond(NOTHING, ON_HOST) == ["spec.network.mode is host, which is not allowed"]
    assert beyond(TaskLimits(host_network=True), ON_HOST) == []


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/srv/shop", True),
        ("/srv/shop/data", True),
        ("//srv//shop/", True),
        ("/srv/shop/../shop/a", True),
        ("/srv/shopping", False),
        ("/srv/shop/../other", False),
        ("/", False),
        ("//etc", False),
    ],
)
def test_a_path_is_below_a_folder_as_it_is_written(path: str, allowed: bool) -> None:
    told = beyond(TaskLimits(host_paths=["/srv/shop/"]), mounts(path))
    words = f"spec.volumes[1].path is {path}, and may be what is below /srv/shop/"
    assert told == ([] if allowed else [words])
