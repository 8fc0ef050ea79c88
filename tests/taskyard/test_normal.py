"""normalize: one wish, one spelling, one hash."""

from __future__ import annotations

from copy import copy
from typing import Any

import msgspec
import pytest

from taskyard.manifest import read_object
from taskyard.objects import (
    Backoff,
    HealthCheck,
    OnNodeLoss,
    Resources,
    Restart,
    Stop,
    Task,
    TaskSpec,
    Volume,
    decode,
    encode,
    spec_hash,
)
from taskyard.objects.normal import fields_of, normalize
from taskyard.quantity import respelled


def _spec(**spec: Any) -> TaskSpec:
    task = read_object(
        {"apiVersion": "taskyard/v1", "kind": "Task", "metadata": {"name": "a"}, "spec": {"image": "a", **spec}}
    )
    assert isinstance(task, Task)
    return task.spec


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"resources": {"memory": "1024Mi"}}, {"resources": {"memory": "1Gi"}}, id="memory"),
        pytest.param({"resources": {"memory": 2**30}}, {"resources": {"memory": "1Gi"}}, id="memory-bytes"),
        pytest.param({"resources": {"cpu": 0.25}}, {"resources": {"cpu": "250m"}}, id="cpu"),
        pytest.param({"resources": {"cpu": "2.0"}}, {"resources": {"cpu": 2}}, id="cpu-whole"),
        pytest.param({"stop": {"gracePeriod": "90s"}}, {"stop": {"gracePeriod": "1m30s"}}, id="duration"),
        pytest.param({"resources": {}}, {}, id="no-resources"),
        pytest.param({"restart": {}, "stop": {}}, {}, id="nothing-said"),
        pytest.param({"onNodeLoss": {"policy": "reschedule", "after": "0ms"}}, {}, id="default-node-loss"),
        pytest.param({"restart": {"backoff": {"initial": "1s", "max": 300}}}, {}, id="default-backoff"),
        pytest.param({"restart": {"policy": "always"}}, {}, id="default-policy"),
        pytest.param({"stop": {"signal": "SIGTERM", "gracePeriod": 10}}, {}, id="default-stop"),
        pytest.param({"env": {}, "ports": [], "user": "", "priority": 0}, {}, id="empty"),
        pytest.param(
            {"ports": [{"container": 80, "protocol": "tcp", "name": ""}]}, {"ports": [{"container": 80}]}, id="port"
        ),
        pytest.param(
            {"volumes": [{"name": "da", "target": "/d", "type": "volume", "readOnly": False}]},
            {"volumes": [{"name": "da", "target": "/d"}]},
            id="volume",
        ),
        pytest.param(
            {"healthCheck": {"command": ["a"], "interval": 10, "timeout": "5s", "retries": 3, "startPeriod": 0}},
            {"healthCheck": {"command": ["a"]}},
            id="health-check",
        ),
    ],
)
def test_two_ways_to_say_it_have_one_hash(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert encode(_spec(**one)) == encode(_spec(**other))
    assert spec_hash(_spec(**one)) == spec_hash(_spec(**other))


def test_different_wishes_have_different_hashes() -> None:
    specs = [_spec(), _spec(env={"A": ""}), _spec(ports=[{"container": 80}]), _spec(resources={"cpu": "10m"})]
    assert len({spec_hash(spec) for spec in specs}) == len(specs)


def test_twice_is_once_also_after_a_trip_through_etcd() -> None:
    spec = _spec(
        resources={"memory": "1024Mi"}, healthCheck={"command": ["a"], "timeout": 5}, restart={"policy": "never"}
    )
    assert normalize(spec) == spec
    stored = encode(spec)
    assert encode(normalize(decode(stored, TaskSpec))) == stored


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, id=kind.__name__)
        for kind in (TaskSpec, Resources, Restart, Backoff, Stop, OnNodeLoss, HealthCheck, Volume)
    ],
)
def test_the_defaults_are_in_their_usual_spelling(kind: type[msgspec.Struct]) -> None:
    """What is left at its default is not looked into."""
    defaults = {
        field.name: copy(field.default)
        for field in msgspec.structs.fields(kind)
        if field.default is not msgspec.NODEFAULT and field.default is not None
    }
    for name, quantity, _, default in fields_of(kind):
        if name in defaults:
            assert (respelled(quantity, defaults[name]) if quantity else defaults[name]) == default
            assert not isinstance(default, msgspec.Struct) or normalize(copy(default)) == default


def test_what_is_normal_already_stays_the_very_object() -> None:
    spec = _spec(ports=[{"container": 80}], env={"A": "b"}, resources={"memory": "1Gi"})
    assert normalize(spec) is spec


def test_a_quantity_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not a size"):
        normalize(TaskSpec(image="a", resources=Resources(memory="lots")))
