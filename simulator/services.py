"""Services in a simulation: what users ask for, what may be made for one and when, and how they have to end up.

The checker tells what it sees; nothing here reads a component's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from msgspec.structs import replace

from simulator.story import Violation
from taskyard import keys
from taskyard.annotations import PROMOTED_REVISION
from taskyard.keys import ObjectKey
from taskyard.objects import (
    Canary,
    Metadata,
    Phase,
    Resources,
    Rollout,
    Service,
    ServiceSpec,
    Stop,
    Task,
    TaskSpec,
    TaskTemplate,
    Update,
    decode,
    spec_hash,
)
from taskyard.objects.normal import normalize
from taskyard.objects.service import SLOT
from taskyard.store.api import KeyEvent

MOST = 3
"""Replicas: services are small, so that they leave room."""


def drawn_service(random: Random, name: str) -> Service:
    program = random.choice(("serve",) * 6 + ("refused", "stubborn"))
    template = TaskTemplate(
        spec=TaskSpec(
            image="busybox:1.35",
            args=[program],
            env={"VERSION": str(random.randrange(1000))},
            resources=Resources(cpu="50m", memory="16Mi"),
            stop=Stop(grace_period="1s"),
        )
    )
    update = Update(
        order=random.choice(("stop-first", "start-first")),
        parallelism=random.choice((1, 2)),
        progress_deadline="25s",
        on_failure=random.choice(("pause", "rollback", "continue")),
        canary=random.choice((None, None, Canary(), Canary(percent=50, promote_after="3s"))),
    )
    spec = ServiceSpec(replicas=random.randint(0, MOST), template=template, update=update)
    return Service(metadata=Metadata(name=name), spec=normalize(spec))


class Services:
    """The services as the store has them, and all that was ever declared of each."""

    def __init__(self) -> None:
        self.now: dict[ObjectKey, Service] = {}
        self.rollouts: dict[str, Rollout] = {}
        self._declared: dict[str, set[str]] = {}
        """uid → hashes of the task specs that users declared for it."""

    def apply(self, event: KeyEvent, who: str) -> None:
        if event.key.startswith(keys.ROLLOUTS):
            old_rollout = self.rollouts.pop(event.key, None)
            if event.entry is not None:
                rollout = self.rollouts[event.key] = decode(event.entry.value, Rollout)
                if old_rollout is not None and old_rollout.service_uid == rollout.service_uid:
                    self._check_promoted(old_rollout, rollout, who)
            return
        key = keys.parse_object(event.key)
        if key is None or key.kind != "Service":
            return
        old = self.now.get(key)
        if event.entry is None:
            del self.now[key]
            if old is not None and who != "user" and not old.metadata.deletion_timestamp:
                raise Violation(f"{who} deleted {key.label}, and no user did", key.name)
            return
        new = decode(event.entry.value, Service)
        if who != "user" and old is not None and new != old:
            raise Violation(f"{who} changed what the user wrote of {key.label}", key.name)
        self.now[key] = new
        self._declared.setdefault(new.metadata.uid, set()).add(spec_hash(new.spec.template.spec))

    def check_made(self, task: Task, tasks: Mapping[str, Task], who: str) -> None:
        """That a task which no user applied was made for a service that wants it."""
        name, uid, service = task.metadata.name, task.metadata.uid, self._owner(task)
        if service is None or service.metadata.deletion_timestamp:
            raise Violation(f"{who} made {name} for a service that is not there, or is being deleted", uid, name)
        beyond = int(task.metadata.labels[SLOT]) >= service.spec.replicas
        if beyond and not service.spec.update.surge:
            raise Violation(f"{who} made {name}, and the service is to have {service.spec.replicas}", uid, name)
        self._check_declared(task, who)
        self._check_canaries(task, service, tasks, who)

    def check_changed(self, old: Task, new: Task, tasks: Mapping[str, Task], who: str) -> None:
        """What a controller may change of a task that was made for a service: template and deletion."""
        name, uid = new.metadata.name, new.metadata.uid
        kept = replace(new.metadata, labels={}, annotations={}, generation=0, deletion_timestamp="")
        if old.metadata.owner is None or kept != replace(
            old.metadata, labels={}, annotations={}, generation=0, deletion_timestamp=""
        ):
            raise Violation(f"{who} changed what the user wrote of {name}", uid)
        if new.spec != old.spec:
            self._check_declared(new, who)
            service = self._owner(new)
            if service is not None:
                self._check_canaries(new, service, tasks, who)

    def _check_promoted(self, old: Rollout, new: Rollout, who: str) -> None:
        """Once, to the revision that is rolled out, and because somebody said so or it was to be by itself."""
        if old.promoted == new.promoted:
            return
        if new.promoted != new.target or new.promoted < old.promoted:
            raise Violation(f"{who} promoted revision {new.promoted} after {old.promoted}, of {new.target}")
        service = next((each for each in self.now.values() if each.metadata.uid == new.service_uid), None)
        canary = service.spec.update.canary if service is not None else None
        said = service is not None and service.metadata.annotations.get(PROMOTED_REVISION) == str(new.promoted)
        if canary is None or (canary.promote_after is None and not said):
            raise Violation(f"{who} promoted revision {new.promoted}, and nobody said so")

    def _check_canaries(self, task: Task, service: Service, tasks: Mapping[str, Task], who: str) -> None:
        """At a write that gives a task what is declared: no more have it than the canaries until it is promoted."""
        metadata, canary = service.metadata, service.spec.update.canary
        rollout = self.rollouts.get(keys.rollout(metadata.namespace, metadata.name))
        declared = service.spec.template.spec
        if canary is None or task.spec != declared or rollout is None or rollout.service_uid != metadata.uid:
            return
        if not rollout.stable or rollout.revision(rollout.stable).template.spec == declared:
            return
        latest = rollout.revisions[-1]
        if rollout.promoted == latest.number and latest.template.spec == declared:
            return
        have = sum(1 for each in tasks.values() if self._owner(each) is service and each.spec == declared)
        if have > canary.of(service.spec.replicas):
            raise Violation(f"{who} gave {task.metadata.name} what {have - 1} canaries try", task.metadata.uid)

    def _check_declared(self, task: Task, who: str) -> None:
        owner = task.metadata.owner
        if owner is None or spec_hash(task.spec) not in self._declared.get(owner.uid, set()):
            raise Violation(f"{who} made {task.metadata.name} of a template that no user declared", task.metadata.uid)

    def _owner(self, task: Task) -> Service | None:
        owner = task.metadata.owner
        found = self.now.get(ObjectKey("Service", task.metadata.namespace, owner.name)) if owner else None
        return found if found is not None and owner is not None and found.metadata.uid == owner.uid else None

    def check_settled(self, tasks: Mapping[str, Task]) -> None:
        """Each has as many tasks as it wants, and what its rollout says of them is so."""
        for key, service in sorted(self.now.items()):
            if service.metadata.deletion_timestamp:
                raise Violation(f"{key.label} is being deleted for ever", key.name)
            rollout = self.rollouts.get(keys.rollout(key.namespace, key.name))
            if rollout is None or rollout.service_uid != service.metadata.uid:
                raise Violation(f"nobody has looked after {key.label}", key.name)
            waits = rollout.phase is Phase.AWAITING_PROMOTION
            by_itself = service.spec.update.canary is None or service.spec.update.canary.promote_after is not None
            passed_over = service.spec.update.on_failure == "continue"
            if rollout.phase in (Phase.PROGRESSING, Phase.ROLLING_BACK) or (waits and by_itself and not passed_over):
                raise Violation(f"{key.label} is {rollout.phase} for ever", key.name)
            own = {task.metadata.name: task for task in tasks.values() if self._owner(task) is service}
            wanted = {f"{key.name}-{slot}" for slot in range(service.spec.replicas)}
            stand_ins = service.spec.update.surge if waits else 0
            if not own.keys() >= wanted or len(own) > len(wanted) + stand_ins:
                raise Violation(f"{key.label} has {sorted(own)}, and is to have {sorted(wanted)}", key.name)
            target = rollout.template.spec
            other = [name for name, task in own.items() if task.spec != target]
            if other and rollout.phase in (Phase.COMPLETE, Phase.ROLLED_BACK):
                raise Violation(f"{key.label} is {rollout.phase}, and {other} have another template", key.name)
        for task in tasks.values():
            owner = task.metadata.owner
            if owner is not None and owner.kind == "Service" and self._owner(task) is None:
                raise Violation(f"{task.metadata.name} has outlived its owner", task.metadata.uid)
