"""What each default does to a spec, next to what its author wrote; and the same taken out again."""

from __future__ import annotations

import pytest

from controlplane.defaults import filled, unfilled
from taskyard.objects import (
    DefaultLimits,
    DefaultResources,
    Limits,
    Resources,
    TaskDefaults,
    TaskSpec,
    encode,
)
from taskyard.objects.task import Toleration

DEFAULTS = TaskDefaults(
    resources=DefaultResources(cpu="100m", memory="128Mi", disk="1Gi"),
    limits=DefaultLimits(cpu="500m", memory="256Mi"),
    pull_secret="login",
    node_selector={"team": "shop"},
    tolerations=[Toleration(key="team", operator="Exists")],
)
FILLED = TaskSpec(
    image="web:1",
    resources=Resources(cpu="100m", memory="128Mi", disk="1Gi"),
    limits=Limits(cpu="500m", memory="256Mi"),
    pull_secret="login",
    node_selector={"team": "shop"},
    tolerations=[Toleration(key="team", operator="Exists")],
)
ALL = [
    "resources.cpu",
    "resources.memory",
    "resources.disk",
    "limits.cpu",
    "limits.memory",
    "pullSecret",
    "nodeSelector",
    "tolerations",
]


def test_all_that_is_not_said_is_filled_in_and_can_be_taken_out_again() -> None:
    bare = TaskSpec(image="web:1")
    assert filled(DEFAULTS, bare) == (FILLED, ALL)
    assert unfilled(FILLED, ALL) == bare
    assert encode(unfilled(FILLED, ALL)) == encode(bare)


def test_what_is_said_stays() -> None:
    said = TaskSpec(
        image="web:1",
        resources=Resources(cpu="200m"),
        node_selector={"disk": "ssd"},
        tolerations=[Toleration(key="gpu", operator="Exists")],
        pull_secret="mine",
    )
    told, names = filled(DEFAULTS, said)
    assert (told.resources.cpu, told.node_selector, told.tolerations) == (
        "200m",
        said.node_selector,
        said.tolerations,
    )
    assert told.pull_secret == "mine"
    assert names == ["resources.memory", "resources.disk", "limits.cpu", "limits.memory"]
    assert unfilled(told, names) == said


def test_a_namespace_without_defaults_fills_nothing_in() -> None:
    bare = TaskSpec(image="web:1")
    told, names = filled(TaskDefaults(), bare)
    assert told is bare
    assert names == []


@pytest.mark.parametrize(
    ("said", "cpu", "memory"),
    [
        pytest.param(
            TaskSpec(image="a", resources=Resources(cpu="1", memory="1Gi")),
            ("1", None),
            ("1Gi", None),
            id="it sets more aside than the limits of the defaults are: it may use that",
        ),
        pytest.param(
            TaskSpec(image="a", limits=Limits(cpu="50m", memory="64Mi")),
            ("50m", "50m"),
            ("64Mi", "64Mi"),
            id="it may use less than the defaults set aside: no more is set aside",
        ),
        pytest.param(
            TaskSpec(image="a", limits=Limits(cpu="none", memory="1Gi")),
            ("100m", "none"),
            ("128Mi", "1Gi"),
            id="it may use more, or any amount",
        ),
    ],
)
def test_a_default_contradicts_nothing_that_is_said(said: TaskSpec, cpu: object, memory: object) -> None:
    told, names = filled(DEFAULTS, said)
    assert (told.resources.cpu, told.limits.cpu) == cpu
    assert (told.resources.memory, told.limits.memory) == memory
    assert unfilled(told, names) == said


def test_no_login_where_nothing_is_fetched() -> None:
    assert filled(DEFAULTS, TaskSpec(image="a", pull_policy="Never"))[0].pull_secret == ""


def test_a_name_of_no_such_field_takes_nothing_out() -> None:
    assert unfilled(FILLED, ["image", "resources", ""]) is FILLED
