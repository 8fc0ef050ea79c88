"""What users ask of services, drawn from the seed: templates, limits of updates, and changes of what is there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Literal

from msgspec.structs import replace

from simulator.specs import MOVING
from taskyard.annotations import PROMOTED_REVISION, RESUMED_AT
from taskyard.objects import (
    AnyObject,
    Autoscale,
    Canary,
    Config,
    ConfigSpec,
    EnvSource,
    Metadata,
    Metric,
    MetricTarget,
    Resources,
    Service,
    ServiceSpec,
    Stabilization,
    Stop,
    TaskSpec,
    TaskTemplate,
    Update,
)
from taskyard.objects.normal import normalize

MOST = 3
"""Replicas: services are small, so that they leave room."""
METRIC = "queue_length"
"""What some of them are scaled by."""
SETTINGS = "settings"
"""The Config that some of them read."""
_ON_FAILURE: tuple[Literal["pause", "rollback", "continue"], ...] = ("pause", "rollback", "continue")
Change = Callable[[AnyObject], AnyObject]


def drawn_service(random: Random, name: str) -> Service:
    """Whether it has one task on each node hangs on its name: that cannot be changed."""
    program = random.choice(("serve",) * 6 + ("refused", "stubborn"))
    reads = random.random() < 0.3
    template = TaskTemplate(
        spec=TaskSpec(
            image="busybox:1.35",
            args=[program],
            env={"VERSION": str(random.randrange(1000))},
            env_from={"LEVEL": EnvSource(config=SETTINGS, key="level")} if reads else {},
            resources=Resources(cpu="50m", memory="16Mi"),
            stop=Stop(grace_period="1s"),
        )
    )
    per_node = int(name[1:]) % 3 == 2
    on_failure = random.choice(_ON_FAILURE)
    update = Update(
        order="stop-first" if per_node else random.choice(("stop-first", "start-first")),
        parallelism=random.choice((1, 2)),
        max_unavailable=random.choice((None, None, 1, 2)),
        max_surge=None if per_node else random.choice((None, None, 1)),
        min_ready=random.choice(("0s", "0s", "3s")),
        delay=random.choice(("0s", "0s", "2s")),
        progress_deadline="8s" if on_failure == "continue" else "15s",  # Of each step, where failures are passed over.
        on_failure=on_failure,
        canary=None if per_node else random.choice((None, None, Canary(), Canary(percent=50, promote_after="3s"))),
        follow_data=reads and random.random() < 0.7,
    )
    if per_node and Random(f"{name}/{template.spec.env['VERSION']}/canary").random() < 0.5:
        update = replace(update, canary=Canary() if on_failure == "pause" else Canary(percent=50, promote_after="3s"))
    mode = ServiceSpec(mode="per-node", template=template) if per_node else ServiceSpec(template=template)
    spec = replace(mode, update=update, replicas=1 if per_node else random.randint(0, MOST))
    if not per_node and program == "serve" and random.random() < 0.5:
        low = random.choice((1, 1, 2))
        windows = Stabilization(up=random.choice(("0s", "20s")), down=random.choice(("0s", "25s", "25s")))
        spec = replace(spec, autoscale=Autoscale(min=low, max=random.randint(low, MOST), cpu=60, stabilization=windows))
        if Random(f"{name}/{template.spec.env['VERSION']}/metric").random() < 0.5:
            spec = _by_what_they_tell(spec, spec.autoscale)
    return Service(metadata=Metadata(name=name), spec=normalize(spec))


def _by_what_they_tell(spec: ServiceSpec, autoscale: Autoscale | None) -> ServiceSpec:
    """In place of what they use."""
    assert autoscale is not None
    autoscale = replace(autoscale, cpu=None, metrics=[MetricTarget(name=METRIC, target=20)])
    template = replace(spec.template, spec=replace(spec.template.spec, metrics=[Metric(name=METRIC, port=9100)]))
    return replace(spec, autoscale=autoscale, template=template)


def with_moving_tag(random: Random, service: Service) -> Service:
    """Some name one that stands for something else now and then."""
    template = service.spec.template
    if random.random() < 0.3:
        return service
    template = replace(template, spec=replace(template.spec, image=MOVING))
    return replace(service, spec=replace(service.spec, template=template))


def drawn_settings(random: Random) -> Config:
    spec = ConfigSpec(data={"level": str(random.randrange(10**6))})
    return Config(metadata=Metadata(name=SETTINGS), spec=spec)


def drawn_change(random: Random, target: int) -> tuple[str, Change]:
    """What it is called, and what it makes of the service that is there. `target`: the revision that it is to have."""
    what = random.random()
    if what < 0.2:
        return "promote", partial(_promoted, target)
    if what < 0.55:
        return "scale", partial(_scaled, random.randint(0, MOST))
    if what < 0.65:
        return "pause", _paused
    if what < 0.85:
        return "resume", partial(_resumed, str(random.randrange(10**6)))
    return "restart", partial(_restarted, str(random.randrange(10**6)))


def _scaled(replicas: int, value: AnyObject) -> AnyObject:
    assert isinstance(value, Service)
    if value.spec.mode == "per-node":
        return value
    return replace(value, spec=replace(value.spec, replicas=replicas))


def _paused(value: AnyObject) -> AnyObject:
    assert isinstance(value, Service)
    return replace(value, spec=replace(value.spec, paused=True))


def _resumed(at: str, value: AnyObject) -> AnyObject:
    assert isinstance(value, Service)
    annotations = {**value.metadata.annotations, RESUMED_AT: at}
    return replace(
        value, metadata=replace(value.metadata, annotations=annotations), spec=replace(value.spec, paused=False)
    )


def _restarted(at: str, value: AnyObject) -> AnyObject:
    """As `taskyard rollout restart` does it."""
    assert isinstance(value, Service)
    template = value.spec.template
    labels = {**template.spec.container_labels, "restarted-at": at}
    spec = replace(template.spec, container_labels=labels)
    return replace(value, spec=replace(value.spec, template=replace(template, spec=spec)))


def _promoted(revision: int, value: AnyObject) -> AnyObject:
    annotations = {**value.metadata.annotations, PROMOTED_REVISION: str(revision)}
    return replace(value, metadata=replace(value.metadata, annotations=annotations))
