"""What is beyond a namespace's limits: each resource, each end, what is not stated, and each kind of template."""

from __future__ import annotations

import pytest

from controlplane.limits import beyond, beyond_of
from taskyard.objects import (
    AnyObject,
    CpuRange,
    Cron,
    CronSpec,
    Job,
    JobSpec,
    JobTemplate,
    Limits,
    Metadata,
    Resources,
    Service,
    ServiceSpec,
    Sidecar,
    SidecarResources,
    SizeRange,
    Task,
    TaskLimits,
    TaskSpec,
    TaskTemplate,
)

LIMITS = TaskLimits(
    cpu=CpuRange(max="1"), memory=SizeRange(min="16Mi", max="1Gi"), disk=SizeRange(min="1Mi"), max_priority=10
)
WITHIN = Resources(cpu="1", memory="16Mi", disk="1Mi")

UNSAID = Limits()


def a_spec(resources: Resources = WITHIN, limits: Limits = UNSAID, priority: int = 0) -> TaskSpec:
    return TaskSpec(image="a:1", resources=resources, limits=limits, priority=priority)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        pytest.param(a_spec(priority=10), [], id="both ends are allowed"),
        pytest.param(a_spec(priority=11), ["spec.priority is 11, more than 10"], id="priority"),
        pytest.param(
            a_spec(Resources(cpu="1001m", memory="15Mi", disk="1023Ki")),
            [
                "spec.resources.cpu is 1001m, more than 1",
                "spec.resources.memory is 15Mi, less than 16Mi",
                "spec.resources.disk is 1023Ki, less than 1Mi",
            ],
            id="all at once",
        ),
        pytest.param(
            a_spec(Resources()),
            [
                "spec.resources.cpu is not stated, and has to be 1 at most",
                "spec.resources.memory is not stated, and has to be from 16Mi to 1Gi",
                "spec.resources.disk is not stated, and has to be 1Mi at least",
            ],
            id="nothing stated",
        ),
        pytest.param(
            a_spec(limits=Limits(cpu="none", memory="2Gi")),
            ["spec.limits.cpu is none, more than 1", "spec.limits.memory is 2Gi, more than 1Gi"],
            id="what it may use",
        ),
        pytest.param(a_spec(Resources(memory="1Gi", disk="1Mi"), Limits(cpu="1")), [], id="a limit says how much"),
    ],
)
def test_each_field(spec: TaskSpec, told: list[str]) -> None:
    assert beyond(LIMITS, spec) == told


def test_sidecars_count() -> None:
    beside = [Sidecar(name="a", resources=SidecarResources(memory="1Gi", cpu="1m"))]
    spec = TaskSpec(image="a:1", resources=WITHIN, sidecars=beside)
    assert beyond(LIMITS, spec) == [
        "spec.resources.cpu is 1001m, more than 1",
        "spec.resources.memory is 1040Mi, more than 1Gi",
    ]


TEMPLATE = TaskTemplate(spec=a_spec(priority=11))
WHO = Metadata(name="a")


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (Task(metadata=WHO, spec=TEMPLATE.spec), "spec"),
        (Service(metadata=WHO, spec=ServiceSpec(template=TEMPLATE)), "spec.template.spec"),
        (Job(metadata=WHO, spec=JobSpec(template=TEMPLATE)), "spec.template.spec"),
        (
            Cron(
                metadata=WHO,
                spec=CronSpec(schedule="* * * * *", template=JobTemplate(spec=JobSpec(template=TEMPLATE))),
            ),
            "spec.template.spec.template.spec",
        ),
    ],
)
def test_each_kind(value: AnyObject, path: str) -> None:
    assert beyond_of(LIMITS, value) == [f"{path}.priority is 11, more than 10"]
    assert beyond_of(TaskLimits(), value) == []
