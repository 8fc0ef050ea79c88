"""How far a service is, for those who look: what the API shows as its status. Pure over the cache, under its lock."""

from __future__ import annotations

from collections.abc import Sequence

from controlplane.cluster import ClusterCache
from controlplane.services.data import with_data
from controlplane.services.digests import has_revision
from controlplane.services.gather import rollout_of, slot_tasks, slots_of, taken_slots, unread_record
from controlplane.services.loads import loads_of, reader, scaled
from controlplane.services.scaling import recommend
from controlplane.services.slots import SlotTask, task_name
from taskyard.annotations import RESUMED_AT
from taskyard.keys import NamedKey
from taskyard.objects import Phase, Revision, Rollout, Service, Wire, spec_hash


class MetricStatus(Wire, frozen=True, kw_only=True, omit_defaults=False):
    """`value` and `target`: on average of the `tasks` of which it is known, in percent where `unit` says so."""

    name: str
    value: float | None
    target: float
    tasks: int
    unit: str = ""
    why: str = ""
    """Why it is not known of one of the others."""


class AutoscaleStatus(Wire, frozen=True, kw_only=True, omit_defaults=False):
    """`replicas`: as decided last, at a time and for a reason. `recommended`: by the metrics of now, before it has held
    for its window; `message` says by what."""

    replicas: int
    recommended: int
    message: str
    metrics: list[MetricStatus]
    decided_at: str
    why: str


class ServiceStatus(Wire, frozen=True, kw_only=True, omit_defaults=False):
    """`phase`: that of the rollout, or Paused. `revision`: what tasks are to have; `latest`: what is declared."""

    phase: str
    message: str
    revision: int
    latest: int
    wanted: int
    tasks: int
    """Those that there are, on their way out or not."""
    updated: int
    """Of the wanted ones, those that have the revision."""
    ready: int
    failing: int = 0
    """Of the wanted ones, those that will not become ready by themselves."""
    autoscale: AutoscaleStatus | None = None


def standing(cache: ClusterCache, service: Service) -> ServiceStatus:
    metadata = service.metadata
    tasks = slot_tasks(cache, service)
    rollout = rollout_of(cache, service)
    service = with_data(cache, scaled(service, rollout))
    slots, _ = slots_of(cache, service, tasks)
    live = [each for each in tasks if not each.going and each.slot in set(slots)]
    ready = sum(1 for each in live if each.ready)
    deleting = f"waits until its {len(tasks)} tasks are gone" if metadata.deletion_timestamp else ""
    if rollout is None:
        unread = unread_record(cache, NamedKey(metadata.namespace, metadata.name))
        return ServiceStatus(
            phase="Deleting" if deleting else "Pending",
            message=deleting or unread or "waits for the service controller",
            revision=0,
            latest=0,
            wanted=len(slots),
            tasks=len(tasks),
            updated=0,
            ready=ready,
        )
    revision = rollout.revision(rollout.target)
    resumed = metadata.annotations.get(RESUMED_AT, "") == rollout.resumed
    seen = service.spec.paused or (resumed and rollout.revisions[-1].hash == spec_hash(service.spec.template))
    updated = [each for each in live if has_revision(service, revision, each)]
    phase, message = str(rollout.phase), rollout.message
    if deleting:
        phase, message = "Deleting", deleting
    elif service.spec.paused:
        phase, message = "Paused", message or "another template is not rolled out until it is resumed"
    elif not seen:
        phase, message = str(Phase.PROGRESSING), "waits for the service controller"
    elif taken := sorted(taken_slots(cache, service, slots)):
        name = task_name(metadata.name, taken[0], per_node=service.spec.mode == "per-node")
        message = f"task/{name} is not this service's: delete or rename it, and the service makes its own"
    elif gone := _image_is_gone(service, revision, updated):
        message = f"{message}; {gone}" if message else gone
    elif rollout.phase in (Phase.PROGRESSING, Phase.AWAITING_PROMOTION) and not message:
        waiting = next((each for each in updated if not each.ready), None)
        if waiting is not None:
            message = f"waits for task/{waiting.task.metadata.name}"
        elif rollout.phase is Phase.AWAITING_PROMOTION:
            message = _awaits_promotion(service, rollout, tasks)
    elif rollout.phase is Phase.COMPLETE and not message:
        message = _lacks(service, live, len(slots))
    return ServiceStatus(
        phase=phase,
        message=message,
        revision=rollout.target,
        latest=rollout.revisions[-1].number,
        wanted=len(slots),
        tasks=len(tasks),
        updated=len(updated),
        ready=ready,
        failing=sum(1 for each in live if each.trouble),
        autoscale=_autoscale(cache, service, rollout, tasks),
    )


def _autoscale(
    cache: ClusterCache, service: Service, rollout: Rollout, tasks: Sequence[SlotTask]
) -> AutoscaleStatus | None:
    autoscale, scale = service.spec.autoscale, rollout.scale
    if autoscale is None or scale is None:
        return None
    loads = loads_of(cache, autoscale, scale.replicas, tasks, reader(cache))
    found = recommend(autoscale, scale.replicas, loads)
    metrics = [
        MetricStatus(
            name=load.name,
            value=None if load.mean is None else round(load.mean, 1 if load.unit else 3),
            target=load.target,
            tasks=sum(1 for value in load.values if value is not None),
            unit=load.unit,
            why=load.why,
        )
        for load in loads
    ]
    return AutoscaleStatus(
        replicas=scale.replicas,
        recommended=found.replicas,
        message=found.why,
        metrics=metrics,
        decided_at=scale.at,
        why=scale.why,
    )


def _awaits_promotion(service: Service, rollout: Rollout, tasks: Sequence[SlotTask]) -> str:
    name, canary = service.metadata.name, service.spec.update.canary
    revision = rollout.revision(rollout.target)
    specs = (has_revision(service, revision, each) for each in tasks)
    there = f"{sum(specs)} of {len(tasks)} tasks have revision {rollout.target}; the others wait"
    after = canary.promote_after if canary is not None else None
    by_itself = f", or by itself once they have been available for {after}" if after is not None else ""
    return f"{there} until it is promoted: taskyard rollout promote {name}{by_itself}"


def _image_is_gone(service: Service, revision: Revision, updated: Sequence[SlotTask]) -> str:
    """Of a revision whose image some node cannot fetch, though another has it: its tag may stand for another by now,
    and its registry have thrown it away."""
    lacking = [each for each in updated if each.unfetched]
    if not revision.digest or not lacking:
        return ""
    name = service.metadata.name
    return (
        f"{len(lacking)} of its tasks cannot fetch the image of revision {revision.number}, {revision.digest}:"
        f" task/{lacking[0].task.metadata.name}: {lacking[0].unfetched}. Push that image again, or go on with what its"
        f" tag stands for now: taskyard rollout restart {name}"
    )


def _lacks(service: Service, live: Sequence[SlotTask], wanted: int) -> str:
    """Of one whose update is through, or has passed over what failed: what is wrong with it, and what to do."""
    name = service.metadata.name
    failing, unready = [each for each in live if each.trouble], [each for each in live if not each.ready]
    if unready and not failing:
        named = unready[0].task.metadata.name
        return f"{len(unready)} of {wanted} tasks are not ready: taskyard why task/{named}"
    if not failing:
        return ""
    first = failing[0]
    return (
        f"{len(failing)} of {wanted} tasks fail: task/{first.task.metadata.name} {first.trouble}; once that is mended:"
        f" taskyard rollout resume {name}, or go back: taskyard rollout undo {name}"
    )


def scaling_text(before: int | None, then: AutoscaleStatus) -> str:
    """What an autoscaler does at the load of now. `before`: how many there were; None for a service that is new."""
    if then.recommended < then.replicas:
        return f"autoscaling would go from {then.replicas} to {then.recommended} in time: {then.message}"
    if before in (None, then.replicas):
        return f"autoscaling leaves {then.replicas}: {then.message}"
    return f"autoscaling goes from {before} to {then.replicas}: {then.why}"
