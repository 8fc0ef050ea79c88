"""How far a service is, for those who look: what the API shows as its status. Pure over the cache, under its lock."""

from __future__ import annotations

from controlplane.cluster import ClusterCache
from controlplane.services.gather import slot_tasks, slots_of, taken_slots
from controlplane.services.slots import changed_task, task_name
from taskyard.keys import NamedKey
from taskyard.objects import Phase, Service, Wire, spec_hash


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


def standing(cache: ClusterCache, service: Service) -> ServiceStatus:
    metadata = service.metadata
    tasks = slot_tasks(cache, service)
    slots, _ = slots_of(cache, service, tasks)
    record = cache.rollouts.get(NamedKey(metadata.namespace, metadata.name))
    rollout = record.rollout if record is not None and record.rollout.service_uid == metadata.uid else None
    live = [each for each in tasks if not each.going and each.slot in set(slots)]
    ready = sum(1 for each in live if each.ready)
    if rollout is None:
        return ServiceStatus(
            phase="Pending",
            message="waits for the service controller",
            revision=0,
            latest=0,
            wanted=len(slots),
            tasks=len(tasks),
            updated=0,
            ready=ready,
        )
    template = rollout.template
    seen = service.spec.paused or rollout.revisions[-1].hash == spec_hash(service.spec.template)
    updated = [each for each in live if changed_task(service, template, each.slot, each.task).spec == each.task.spec]
    phase, message = str(rollout.phase), rollout.message
    if metadata.deletion_timestamp:
        phase, message = "Deleting", f"waits until its {len(tasks)} tasks are gone"
    elif service.spec.paused:
        phase, message = "Paused", message or "another template is not rolled out until it is resumed"
    elif not seen:
        phase, message = str(Phase.PROGRESSING), "waits for the service controller"
    elif taken := sorted(taken_slots(cache, service, slots)):
        name = task_name(metadata.name, taken[0], per_node=service.spec.mode == "per-node")
        message = f"task/{name} is not this service's: delete or rename it, and the service makes its own"
    elif rollout.phase is Phase.PROGRESSING and not message:
        waiting = next((each for each in updated if not each.ready), None)
        message = f"waits for task/{waiting.task.metadata.name}" if waiting else ""
    return ServiceStatus(
        phase=phase,
        message=message,
        revision=rollout.target,
        latest=rollout.revisions[-1].number,
        wanted=len(slots),
        tasks=len(tasks),
        updated=len(updated),
        ready=ready,
    )
