"""Services in a simulation: what may be made and changed for one and when, and how they have to end up.

The checker tells what it sees; nothing here reads a component's own words. What users ask for is in drawn_services.py,
what is promised of rollouts in rollouts.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from simulator.available import NEWS, Availability, is_ready
from simulator.declared import as_declared, without_data, without_node
from simulator.digests import Digests, bare, statuses_of
from simulator.mirror import Mirror
from simulator.rollouts import ROLLING, Rollouts
from simulator.scales import Scales
from simulator.story import Violation
from taskyard import keys
from taskyard.annotations import STANDS_IN_FOR
from taskyard.keys import ObjectKey
from taskyard.objects import (
    Config,
    NodeStats,
    Phase,
    Rollout,
    Service,
    Task,
    TaskSpec,
    TaskState,
    TaskStatus,
    decode,
    spec_hash,
)
from taskyard.objects.service import SLOT
from taskyard.quantity import seconds
from taskyard.store.api import Entry, KeyEvent

_CRASHES = 3
"""Restarts after which a task counts as failed."""


class Services:
    """The services as the store has them, and all that was ever declared of each."""

    def __init__(self) -> None:
        self.now: dict[ObjectKey, Service] = {}
        self.rollouts = Rollouts()
        self.scales = Scales()
        self.digests = Digests()
        self.available = Availability()
        self.configs: dict[ObjectKey, Config] = {}
        self._fresh: dict[ObjectKey, float] = {}
        """By Config, when its values last changed."""
        self._revised: dict[str, tuple[int, float]] = {}
        """The service's uid → its latest revision, and when it became that."""
        self._declared: dict[str, set[str]] = {}
        """uid → hashes of the task specs that users declared for it."""
        self._troubled: set[str] = set()
        """uids of services of which a task has failed, or was restarted again and again."""
        self._moved: dict[tuple[str, str], float] = {}
        """By namespace and name of a service, when its rollout last had something else to do."""
        self.edited: dict[str, float] = {}
        """By uid, when users last wrote something of the service."""
        self._restored_at = float("-inf")
        self._taken: list[tuple[Task, Service]] = []
        """Tasks that this transaction takes away, as they were, and that must have passed for available."""
        self._sent_away: set[str] = set()
        """uids of those that a controller of services has deleted: of what others delete it may not have heard."""

    @property
    def autoscaled(self) -> bool:
        """Some are."""
        return any(each.spec.autoscale is not None for each in self.now.values())

    def apply(self, event: KeyEvent, who: str, now: float) -> None:
        key = keys.parse_object(event.key)
        if event.key.startswith(keys.ROLLOUTS):
            namespace, name = event.key.removeprefix(keys.ROLLOUTS).split("/")
            service = self.now.get(ObjectKey("Service", namespace, name))
            troubled = service is not None and service.metadata.uid in self._troubled
            before, quiet_for = self.rollouts.now.get(event.key), now - self._moved.get((namespace, name), now)
            aimed = self._aims(service) if service is not None else ()
            self.rollouts.apply(event, who, service, in_trouble=troubled, quiet_for=quiet_for)
            after = self.rollouts.now.get(event.key)
            if before is None or after is None or (before.target, before.phase) != (after.target, after.phase):
                self._moved[namespace, name] = now
            if service is not None and aimed != self._aims(service):
                self._moved[namespace, name] = now
            if service is not None and after is not None:
                self.scales.check(before, after, service, now)
            if after is not None:
                self.digests.check(after, name)
            self._note_revised(self.rollouts.now.get(event.key), now)
        elif key is not None and key.kind == "Config":
            self._config(key, event, now)
        elif key is not None and key.kind == "Service":
            was, became = self.now.get(key), self._service(key, event, who)
            self.edited |= {each.metadata.uid: now for each in (was, became) if each is not None}
            if was is None or became is None or self._aims(was) != self._aims(became):
                self._moved[key.namespace, key.name] = now

    def note_status(self, status: TaskStatus, task: Task | None) -> None:
        owner = task.metadata.owner if task is not None else None
        if owner is not None:
            self.digests.note_status(owner.uid, status)
        if owner is not None and (status.state is TaskState.FAILED or status.restarts >= _CRASHES):
            self._troubled.add(owner.uid)

    def note_stats(self, entry: Entry | None, mirror: Mirror, now: float) -> None:
        """As an agent has measured it; of those that are autoscaled it decides on how many there are."""
        if not self.autoscaled or entry is None:
            return
        for uid, usage in decode(entry.value, NodeStats).tasks.items():
            task = mirror.of_uid(uid)
            if task is not None and task.metadata.owner is not None:
                self.scales.note(task.metadata.owner.uid, uid, usage, now)

    def _note_revised(self, rollout: Rollout | None, now: float) -> None:
        if rollout is not None:
            latest, known = rollout.revisions[-1].number, self._revised.get(rollout.service_uid)
            if known is None or known[0] != latest:
                self._revised[rollout.service_uid] = latest, now

    def _config(self, key: ObjectKey, event: KeyEvent, now: float) -> None:
        old = self.configs.pop(key, None)
        new = decode(event.entry.value, Config) if event.entry is not None else None
        if new is not None:
            self.configs[key] = new
        if (old.spec.data if old else {}) != (new.spec.data if new else {}):
            self._fresh[key] = now

    def _service(self, key: ObjectKey, event: KeyEvent, who: str) -> Service | None:
        old = self.now.get(key)
        if event.entry is None:
            del self.now[key]
            if old is not None and who != "user" and not old.metadata.deletion_timestamp:
                raise Violation(f"{who} deleted {key.label}, and no user did", key.name)
            return None
        new = decode(event.entry.value, Service)
        if who != "user" and old is not None and new != old:
            raise Violation(f"{who} changed what the user wrote of {key.label}", key.name)
        self.now[key] = new
        self._declared.setdefault(new.metadata.uid, set()).add(spec_hash(new.spec.template.spec))
        return new

    def restored(self, entries: Iterable[Entry], now: float) -> None:
        """All is as the backup has it. What was declared since stays declared: somebody may yet make a task of it, who
        read it before."""
        found = {key: entry for entry in entries if (key := keys.parse_object(entry.key)) is not None}
        self.now = {key: decode(e.value, Service) for key, e in found.items() if key.kind == "Service"}
        configs = {key: decode(e.value, Config) for key, e in found.items() if key.kind == "Config"}
        self._fresh |= dict.fromkeys(self.configs.keys() | configs.keys(), now)
        self.configs = configs
        for service in self.now.values():
            self._declared.setdefault(service.metadata.uid, set()).add(spec_hash(service.spec.template.spec))
        self._restored_at = now
        self._revised.clear()
        self.scales.restored()
        rollouts = self.rollouts.restored(entries)
        self.digests.restored(rollouts)
        for rollout in rollouts:
            self._note_revised(rollout, now)

    def check_made(self, task: Task, mirror: Mirror, who: str) -> None:
        """That a task which no user applied was made for a service that wants it."""
        name, uid, service = task.metadata.name, task.metadata.uid, self.owner(task)
        if service is None or service.metadata.deletion_timestamp:
            raise Violation(f"{who} made {name} for a service that is not there, or is being deleted", uid, name)
        slot, others = task.metadata.labels[SLOT], self.own(service, mirror.tasks)
        twice = [one.metadata.name for one in others if one is not task and one.metadata.labels.get(SLOT) == slot]
        if twice:
            raise Violation(f"{who} made {name}, and {twice} have the same slot", uid, name)
        if not self.is_wanted(service, slot):
            beyond = [
                one.metadata.name
                for one in others
                if not one.metadata.deletion_timestamp
                and not self.is_wanted(service, one.metadata.labels.get(SLOT, ""))
                and one.spec == task.spec
            ]
            # A request that arrives late may make one when the update is over: it goes with the next look.
            if len(beyond) > service.spec.update.surge:
                raise Violation(f"{who} made {name}, and the service is to have {self._replicas(service)}", uid, name)
        self._check_declared(task, who)
        self._check_canaries(task, service, mirror, who)
        self.digests.check_made(task, self._rollout(service), who)

    def check_changed(self, old: Task, new: Task, mirror: Mirror, who: str, now: float) -> None:
        """What a controller may change of a task that was made for a service: template and deletion."""
        name, uid = new.metadata.name, new.metadata.uid
        kept = replace(new.metadata, labels={}, annotations={}, generation=0, deletion_timestamp="")
        if old.metadata.owner is None or kept != replace(
            old.metadata, labels={}, annotations={}, generation=0, deletion_timestamp=""
        ):
            raise Violation(f"{who} changed what the user wrote of {name}", uid)
        if new.spec != old.spec:
            self._check_declared(new, who)
        service = self.owner(new)
        if who.endswith("/services") and _goes(old, new):
            self._sent_away.add(uid)
        if new.spec != old.spec and service is not None:
            self._check_canaries(new, service, mirror, who)
            self.digests.check_made(new, self._rollout(service), who)
        if service is not None and who.endswith("/services") and (new.spec != old.spec or _goes(old, new)):
            self._note_taken(old, service, now)

    def _note_taken(self, old: Task, service: Service, now: float) -> None:
        """What is beyond the replicas goes at once when nothing is updated; so it was asked for."""
        wanted = self.is_wanted(service, old.metadata.labels.get(SLOT, ""))
        rollout = self.rollouts.now.get(keys.rollout(old.metadata.namespace, service.metadata.name))
        rolling = rollout is not None and (rollout.phase in ROLLING or rollout.phase is Phase.FAILED)
        if (wanted or rolling) and self.available.must_pass(old, seconds(service.spec.update.min_ready), now):
            self._taken.append((old, service))

    def check_floor(self, mirror: Mirror, now: float) -> None:
        """After a transaction: where it took an available task away, enough of them may pass for available still.

        What is being deleted by others may, for a while. One whose deletion is complete may not: a leader's own loops
        complete it, over the cache that this decision is made on too, and whoever leads next begins once all that is in
        theirs.
        """
        taken, self._taken = self._taken, []
        if now < self._restored_at + NEWS:
            return
        for old, service in taken:
            spec, name = service.spec, service.metadata.name
            if spec.update.on_failure == "continue":
                continue  # What has failed is passed over, and counts as available.
            own = self.own(service, mirror.tasks)
            there = [one for one in own if spec.mode == "replicated" or one.metadata.labels.get(SLOT) in mirror.leases]
            replicas = self._replicas(service) if spec.mode == "replicated" else len(there)
            left = [
                one
                for one in there
                if self.available.may_pass(one, seconds(spec.update.min_ready), now)
                and not (one.metadata.deletion_timestamp and one.metadata.uid in self._sent_away)
            ]
            if len(left) < replicas - spec.update.unavailable:
                raise Violation(
                    f"{old.metadata.name} was taken away, and {len(left)} tasks of service/{name} are available,"
                    f" of {replicas} less {spec.update.unavailable}",
                    old.metadata.uid,
                    name,
                )

    def _check_canaries(self, task: Task, service: Service, mirror: Mirror, who: str) -> None:
        """At a write that gives a task what is declared: no more have it than the canaries until it is promoted."""
        metadata, canary = service.metadata, service.spec.update.canary
        rollout = self.rollouts.now.get(keys.rollout(metadata.namespace, metadata.name))
        declared = service.spec.template.spec
        if canary is None or rollout is None or as_declared(task) != declared or rollout.service_uid != metadata.uid:
            return
        if not rollout.stable or without_data(rollout.revision(rollout.stable).template.spec) == declared:
            return
        latest = rollout.revisions[-1]
        if rollout.promoted == latest.number and without_data(latest.template.spec) == declared:
            return
        # Of one template with other data, canaries that try the data before do not count.
        tried = latest.template.spec if without_data(latest.template.spec) == declared else declared
        own = {each.metadata.name: each for each in self.own(service, mirror.tasks)}
        # One that got another image than the first of them is replaced, and tries nothing.
        other = self.digests.of_another_image(rollout, latest.number, statuses_of(mirror, own))
        have = sum(without_node(each) == tried for name, each in own.items() if name not in other)
        slots = {each.metadata.labels.get(SLOT, "") for each in own.values()} | mirror.leases.keys()
        per_node = service.spec.mode == "per-node"
        if have > canary.of(len(slots) if per_node else self._replicas(service)):
            raise Violation(f"{who} gave {task.metadata.name} what {have - 1} canaries try", task.metadata.uid)

    def _check_declared(self, task: Task, who: str) -> None:
        owner, bare = task.metadata.owner, as_declared(task)
        if owner is None or spec_hash(bare) not in self._declared.get(owner.uid, set()):
            raise Violation(f"{who} made {task.metadata.name} of a template that no user declared", task.metadata.uid)

    def _rollout(self, service: Service) -> Rollout | None:
        return self.rollouts.now.get(keys.rollout(service.metadata.namespace, service.metadata.name))

    def _replicas(self, service: Service) -> int:
        """As declared, or as its autoscaler has decided."""
        rollout = self.rollouts.now.get(keys.rollout(service.metadata.namespace, service.metadata.name))
        scale = rollout.scale if rollout is not None and rollout.service_uid == service.metadata.uid else None
        return service.spec.replicas if service.spec.autoscale is None or scale is None else scale.replicas

    def _aims(self, service: Service) -> tuple[object, ...]:
        """What there is to do but for the template. What is autoscaled has no use for another declared number: it keeps
        its autoscaler's, and begins with the one that it had."""
        metadata, replicas = service.metadata, self._replicas(service)
        rollout = self.rollouts.now.get(keys.rollout(metadata.namespace, metadata.name))
        if service.spec.autoscale is not None and rollout is not None and rollout.service_uid == metadata.uid:
            replicas = replicas if rollout.scale is not None or rollout.replicas is None else rollout.replicas
        return metadata.uid, service.spec.paused, replicas

    def is_wanted(self, service: Service, slot: str) -> bool:
        """Of one for each node all are."""
        return service.spec.mode == "per-node" or (slot.isdecimal() and int(slot) < self._replicas(service))

    def owner(self, task: Task) -> Service | None:
        """The very one that it was made for, while that is there."""
        owner = task.metadata.owner
        found = self.now.get(ObjectKey("Service", task.metadata.namespace, owner.name)) if owner else None
        return found if found is not None and owner is not None and found.metadata.uid == owner.uid else None

    def own(self, service: Service, tasks: Mapping[str, Task]) -> list[Task]:
        return [task for task in tasks.values() if self.owner(task) is service]

    def waits_for_config(self, spec: TaskSpec) -> bool:
        """For one that is not there; the longer it waited, the later an agent looks for it again."""
        used = {source.config for source in spec.env_from.values() if source.config}
        return any(ObjectKey("Config", "default", name) not in self.configs for name in used)

    def all_ready(self, service: Service, own: list[Task], mirror: Mirror) -> bool:
        """As many as it wants, and at least one; of one for each node those that there are."""
        wanted = [
            one
            for one in own
            if not one.metadata.deletion_timestamp and self.is_wanted(service, one.metadata.labels.get(SLOT, ""))
        ]
        replicas = self._replicas(service) if service.spec.mode == "replicated" else len(wanted)
        return len(wanted) >= replicas > 0 and all(is_ready(mirror, one) for one in wanted)

    def check_settled(self, mirror: Mirror, nodes: Iterable[str], now: float) -> None:
        """Each has as many tasks as it wants, and what its rollout says of them is so."""
        tasks = mirror.tasks
        for key, service in sorted(self.now.items()):
            if service.metadata.deletion_timestamp:
                raise Violation(f"{key.label} is being deleted for ever", key.name)
            rollout = self.rollouts.now.get(keys.rollout(key.namespace, key.name))
            if rollout is None or rollout.service_uid != service.metadata.uid:
                raise Violation(f"nobody has looked after {key.label}", key.name)
            canary, waits = service.spec.update.canary, rollout.phase is Phase.AWAITING_PROMOTION
            # Canaries that were passed over never become ready, and so are not promoted by themselves.
            by_hand = canary is None or canary.promote_after is None or service.spec.update.on_failure == "continue"
            if rollout.phase in ROLLING and not service.spec.paused and not (waits and canary and by_hand):
                raise Violation(f"{key.label} is {rollout.phase} for ever", key.name)
            own = {task.metadata.name: task for task in self.own(service, tasks)}
            slots = range(self._replicas(service)) if service.spec.mode == "replicated" else nodes
            wanted = {f"{key.name}-{slot}" for slot in slots}
            # After a failed update more stay, as long as fewer than the limit would be available without them.
            may_have_more = rollout.phase in (*ROLLING, Phase.FAILED)
            extra = own.keys() - wanted
            needed = {name for name in extra if self._stands_in(own[name], own, mirror)}
            if not own.keys() >= wanted or (extra != needed and not may_have_more):
                raise Violation(f"{key.label} has {sorted(own)}, and is to have {sorted(wanted)}", key.name)
            self._check_template(key, service, rollout, own)
            self.digests.check_settled(service, rollout, own, statuses_of(mirror, own))
            if rollout.scale is not None:
                ready = [own[name] for name in sorted(wanted & own.keys()) if is_ready(mirror, own[name])]
                uids = [task.metadata.uid for task in ready]
                self.scales.check_settled(service, rollout.scale, uids, now)
        for task in tasks.values():
            owner = task.metadata.owner
            if owner is not None and owner.kind == "Service" and self.owner(task) is None:
                raise Violation(f"{task.metadata.name} has outlived its owner", task.metadata.uid)

    @staticmethod
    def _stands_in(task: Task, own: Mapping[str, Task], mirror: Mirror) -> bool:
        """For one whose node is still drained, and that a budget keeps there, or for one that was drained, and that is
        not ready where it is now: its name may be taken there for good."""
        slot = task.metadata.annotations.get(STANDS_IN_FOR, "")
        stood_in = next((one for one in own.values() if one.metadata.labels.get(SLOT) == slot), None)
        if stood_in is None or not is_ready(mirror, stood_in):
            return stood_in is not None
        spec = mirror.specs.get(stood_in.binding.node) if stood_in.binding is not None else None
        return spec is not None and spec.drain is not None

    def _check_template(self, key: ObjectKey, service: Service, rollout: Rollout, own: Mapping[str, Task]) -> None:
        target = bare(rollout.template.spec)
        other = [name for name, task in own.items() if without_node(task) != target]
        if other and rollout.phase in (Phase.COMPLETE, Phase.ROLLED_BACK):
            raise Violation(f"{key.label} is {rollout.phase}, and {other} have another template", key.name)
        if service.spec.paused:
            return
        latest = rollout.revisions[-1].template.spec
        if without_data(latest) != service.spec.template.spec:
            raise Violation(f"{key.label} declares a template that its latest revision does not have", key.name)
        used = {source.config for source in service.spec.template.spec.env_from.values()}
        changed = max((self._fresh.get(ObjectKey("Config", key.namespace, name), 0.0) for name in used), default=0.0)
        if service.spec.update.follow_data and used and self._revised[service.metadata.uid][1] < changed:
            raise Violation(f"{key.label} follows {sorted(used)}, and has no revision for what they are now", key.name)


def _goes(old: Task, new: Task) -> bool:
    return bool(new.metadata.deletion_timestamp) and not old.metadata.deletion_timestamp
