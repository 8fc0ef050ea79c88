"""What must hold at every revision of the store, whoever wrote it.

It reads the history, never a component's own words, and raises Violation at the first thing that is wrong. What must
hold at the calls of container runtimes is in calls.py, and what only holds once all has settled in settled.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby

from msgspec.structs import replace

from simulator.allowed import Allowed
from simulator.beside import Beside
from simulator.changed import Changed
from simulator.clocks import MachineClock
from simulator.conditions import Closed, check_ended
from simulator.contention import Contention
from simulator.dependents import Dependents
from simulator.drains import Drains
from simulator.garbage import Garbage
from simulator.intake import check_completed
from simulator.jobs import Jobs
from simulator.leaving import Leaving
from simulator.mirror import Mirror
from simulator.mounts import Mounts
from simulator.past import Past
from simulator.promises import check_forward, check_home, check_lost_from, check_moved, check_returning, check_room
from simulator.published import Published, is_published
from simulator.roles import ROLES
from simulator.secrecy import Secrecy
from simulator.services import Services
from simulator.story import Violation
from simulator.timeouts import Timeouts
from simulator.writes import Writes
from taskyard import keys
from taskyard.keys import NodeKey
from taskyard.objects import Result, Task, decode
from taskyard.store.api import Entry, KeyEvent
from taskyard.store.memory import Backup

_PEOPLE = ("user", "hand")
"""Through the API, and straight into the store."""
_NAMESPACES = keys.ROOT + "namespaces/"
_CONFIGS = keys.ROOT + "configs/"


class Checker:
    def __init__(self, clock: Callable[[], float], clocks: Mapping[str, MachineClock] | None = None) -> None:
        """`clock`: the monotonic one. `clocks`: those of the control planes' machines, by the planes' names."""
        self.now = clock
        self.mirror = Mirror()
        self.past = Past()
        self.writes = Writes()
        self.services = Services()
        self.jobs = Jobs()
        self.garbage = Garbage()
        self.dependents = Dependents(self.services, self.jobs)
        self.timeouts = Timeouts()
        self.published = Published(self.services)
        self.contention = Contention()
        self.drains = Drains(self.services, self.contention, clocks or {})
        self.leaving = Leaving()
        self.beside = Beside()
        self.mounts = Mounts()
        self.secrecy = Secrecy()
        self.closed = Closed()
        self.allowed = Allowed()
        self.names_taken: set[str] = set()
        """uids of those whose container's name was given to somebody else's: they fail, and rightly."""

    def apply(self, events: Iterable[KeyEvent], who: str) -> None:
        now = self.now()
        for _, together in groupby(events, key=lambda event: event.revision):
            touched: set[str] = set()
            nodes: set[str] = set()
            bound: list[Task] = []
            changed = Changed()
            for event in together:
                self.secrecy.note(event, who, now)
                if (key := keys.parse_node(event.key)) is not None:  # First: most are.
                    self._node(key, event, who, touched, nodes, changed)
                elif event.key.startswith(keys.EVENTS):
                    self.timeouts.note_event(event)  # For people to read.
                elif event.key.startswith(keys.TASKS):
                    changed.tasks.add(event.key)
                    self._task(event, who, touched, bound)
                elif event.key.startswith(keys.RESULTS):
                    self._result(event, who)
                elif is_published(event.key):
                    self._published(event, who)
                else:
                    self.mounts.note(event)
                    self._rest(event, who, changed)
            for task in bound:
                self._check_bound(task)
            self.contention.check_gangs(self.mirror, bound, now)
            self.contention.check_quotas(self.mirror, bound, now)
            for uid in sorted(touched):
                self._check_placed(uid)
                self.services.available.note(self.mirror, uid, now)
            self.services.check_floor(self.mirror, now)
            self.drains.check_in_time(self.mirror, now)
            self.dependents.look(self.mirror, now, changed)
            self.published.look(self.mirror, now, changed)
            for node in sorted(nodes):
                check_room(self.mirror, node)

    def _rest(self, event: KeyEvent, who: str, changed: Changed) -> None:
        """What there are few of."""
        if event.key.startswith((keys.SERVICES, keys.ROLLOUTS, _CONFIGS)):
            changed.owners = True
            self._count(event, who)
            if event.key.startswith(keys.ROLLOUTS):
                self._check_leads(who, "services" if event.entry else "ownership", "")
            self.services.apply(event, who, self.now())
        elif event.key.startswith((keys.JOBS, keys.RUNS, keys.CRONS, keys.TICKS)):
            changed.owners = True
            self._count(event, who)
            self._job(event, who)
        elif event.key.startswith(_NAMESPACES):
            self.contention.note_namespace(event.key, event.entry, self.now())
            self.allowed.note_namespace(event.key, event.entry, self.now())
        else:
            self._take(event)
            self._check_wish(event.key, who)

    def restored(self, backup: Backup, frozen: Mapping[str, float]) -> None:
        """All of the store is as the backup has it. `frozen`: nodes whose agent is, and since when."""
        before, self.mirror = self.mirror, Mirror(backup.entries)
        self.past.restore(before, self.mirror, self.now(), frozen)
        self.garbage.restored(self.mirror, self.now())
        self.drains.restored(self.mirror, self.now())
        self.closed.restored(self.mirror.leases, self.mirror.specs, self.now())
        self.contention.restored(backup.entries, self.now())
        self.allowed.restored(backup.entries, self.now())
        self.mounts.restored(backup.entries)
        self.secrecy.restored(backup.entries, self.now())
        self.services.restored(backup.entries, self.now())
        for uid in before.by_uid.keys() | self.mirror.by_uid.keys():
            self.services.available.note(self.mirror, uid, self.now())
        self.dependents.restored(self.mirror, self.now())
        self.published.restored(backup.entries, self.mirror, self.now())

    def _take(self, event: KeyEvent) -> None:
        self.mirror.put(event.key, event.entry.value if event.entry else None)

    def _check_wish(self, key: str, who: str) -> None:
        moving = keys.parse_move(key)
        wish = self.mirror.wishes.get(keys.task(*moving)) if moving is not None else None
        if moving is not None and wish is not None and who.endswith("/returning"):
            self._check_leads(who, "returning", wish.uid)
            check_returning(wish, self.mirror.tasks.get(keys.task(*moving)))

    def _count(self, event: KeyEvent, who: str) -> None:
        self.writes.note(event.key, who, self.now())

    def _published(self, event: KeyEvent, who: str) -> None:
        self._count(event, who)
        if who not in _PEOPLE:
            self._check_leads(who, "publisher", "")
        self.published.apply(event, who, self.now())

    def _result(self, event: KeyEvent, who: str) -> None:
        """The outcome of a job's task: recorded once, whatever happens later."""
        uid = keys.parse_result(event.key)
        entry: Entry | None = event.entry
        if entry is None:
            if uid in self.mirror.by_uid:
                raise Violation(f"{who} deleted the result of {uid}, which is still there", uid)
            self.jobs.check_forgotten(uid, who)
            return
        if entry.version != 1 or uid in self.past.results:
            raise Violation(f"{who} wrote the result of {uid} a second time", uid)
        self.past.results.add(uid)
        self.jobs.result(decode(entry.value, Result))

    def _job(self, event: KeyEvent, who: str) -> None:
        key = keys.parse_object(event.key)
        if who.endswith("/garbage") and key is not None and (old := self.jobs.now.get(key)) is not None:
            self._check_leads(who, "garbage", key.name)
            run = self.jobs.runs.get(keys.run(key.namespace, key.name))
            self.garbage.check_job(old, run, self.mirror.tasks.values(), self.now())
        self.jobs.apply(event, who)
        if (run := self.jobs.runs.get(event.key)) is not None:
            self.garbage.note_run(run, self.now())

    def _task(self, event: KeyEvent, who: str, touched: set[str], bound: list[Task]) -> None:
        self._count(event, who)
        old = self.mirror.tasks.get(event.key)
        owner = self.mirror.by_uid.get(old.metadata.uid) if old is not None else None
        self._take(event)
        new = self.mirror.tasks.get(event.key)
        self.dependents.note_task(event.key, new)
        if old is not None and owner == event.key:
            touched.add(old.metadata.uid)
        if old is not None:
            self.contention.note_unbound(event.key, old, self.now())
            self.drains.note_written(old, self.now())
        if new is not None:
            self.contention.note_task(event.key, new)
        if who == "hand":
            # Whoever writes into the store may write what they like; the components make the best of it.
            if old is not None:
                self.past.disturbed.add(old.metadata.uid)
                self.past.orphaned |= {old.metadata.uid} if new is None else set()
            return
        if new is None:
            if old is not None:
                self._check_removed(old, who)
                self.past.gone.add(old.metadata.uid)
            return
        touched.add(new.metadata.uid)
        self.timeouts.note_task(new)
        self.allowed.check(old, new, who, self.now())
        if not self.past.is_own_uid(new.metadata.uid, event.key):
            raise Violation(f"the uid {new.metadata.uid} is used twice", new.metadata.uid)
        if new.metadata.uid in self.past.gone:
            raise Violation(f"{who} brought {new.metadata.name} back, which was deleted", new.metadata.uid)
        if old is None:
            if who != "user":
                jobs = _is_jobs(new)
                self._check_leads(who, "jobs" if jobs else "services", new.metadata.uid)
                if jobs:
                    self.jobs.check_made(new, self.mirror, who)
                else:
                    self.services.check_made(new, self.mirror, who)
            return
        self._check_changed(old, new, who, bound)

    def _check_changed(self, old: Task, new: Task, who: str, bound: list[Task]) -> None:
        name, uid = new.metadata.name, new.metadata.uid
        if who.endswith("/intake"):
            self._check_leads(who, "intake", uid)
            check_completed(old, new, self.mirror)
            return
        if who != "user" and replace(new, binding=old.binding) != old:
            self._check_leads(who, who.rpartition("/")[2], uid)
            if who.endswith("/garbage"):
                self.garbage.check_task(old, new, self.mirror, self.now())
            elif _is_jobs(new):
                self.jobs.check_changed(old, new, who)
            else:
                self.services.check_changed(old, new, self.mirror, who, self.now())
        if who == "user" and new.binding != old.binding:
            raise Violation(f"an apply changed the binding of {name}", uid)
        if old.metadata.deletion_timestamp and not new.metadata.deletion_timestamp:
            raise Violation(f"the deletion of {name} was forgotten", uid)
        if old.metadata.uid not in ("", uid):
            raise Violation(f"the uid of {name} changed", uid)
        if new.binding != old.binding:
            self._check_leads(who, "scheduler", uid)
            wish = self.mirror.wishes.get(keys.task(new.metadata.namespace, new.metadata.name))
            evicted = self.mirror.evicted(old) or self.contention.made_way(self.mirror, old)
            if old.binding is None and not who.endswith("/intake"):
                self.dependents.check_bound(new, self.mirror, self.now())
            check_home(new, self.mirror.homes)
            check_lost_from(old, new, self.mirror.leases)
            check_moved(old, new, self.mirror.leases, wish, evicted=evicted)
            if old.binding is not None and wish is not None and wish.uid == uid:
                self.contention.note_moved(uid)
            bound.append(new)

    def _check_removed(self, old: Task, who: str) -> None:
        name, uid = old.metadata.name, old.metadata.uid
        if who == "user":
            if old.binding is not None:
                raise Violation(f"{name} was deleted while it was bound: its container is nobody's", uid)
            return
        if old.metadata.owner is not None and old.binding is None:
            self._check_leads(who, who.rpartition("/")[2], uid)
            return
        self._check_leads(who, "tasks", uid)
        if not old.metadata.deletion_timestamp:
            raise Violation(f"the accepted task {name} is lost: {who} deleted it, and no user did", uid)

    def _check_leads(self, who: str, part: str, uid: str) -> None:
        """It is the part that may write this, and its process held the role when it did."""
        role = ROLES.get(part)
        leads = self.mirror.leaders.get(role or "")
        if role is not None and who.endswith(f"/{part}") and self.now() <= self.past.uncertain_until:
            return
        if role is None or who != f"{leads}/{part}":
            raise Violation(f"{who} wrote what the {part} writes, and {leads} leads", uid)

    def _check_bound(self, task: Task) -> None:
        binding, uid = task.binding, task.metadata.uid
        if binding is None:
            raise Violation(f"the binding of {task.metadata.name} was lost", uid)
        if binding.epoch <= self.past.epochs.get(uid, 0):
            raise Violation(f"the epoch of {task.metadata.name} did not rise", uid)
        if binding.spec_hash != self.mirror.spec_hash(task):
            raise Violation(f"{task.metadata.name} was bound for a spec that it does not have", uid)
        if task.metadata.deletion_timestamp:
            raise Violation(f"{task.metadata.name} was bound although it is being deleted", uid)
        if binding.node not in self.mirror.leases:
            raise Violation(f"{task.metadata.name} was bound to {binding.node}, which is gone", uid, binding.node)
        self.closed.check_bound(task, self.now())
        self.past.epochs[uid] = binding.epoch
        self.jobs.check_bound(task)

    def _node(
        self, key: NodeKey, event: KeyEvent, who: str, touched: set[str], nodes: set[str], changed: Changed
    ) -> None:
        if key.part == "stats":
            self.services.note_stats(event.entry, self.mirror, self.now())
            return  # Nothing else is judged by what is measured.
        if key.part == "spec":
            self._count(event, who)
            if who.endswith("/maintenance"):
                self._check_leads(who, "maintenance", key.node)
                check_ended(self.mirror.specs.get(key.node), event.entry)
            elif who not in _PEOPLE:
                raise Violation(f"{who} wrote what an operator says of {key.node}", key.node)
        if key.part == "anchor" and who.startswith("agent-"):
            self.past.agent_tells(key.node)
        if key.part == "assignments":
            self._check_leads(who, who.rpartition("/")[2], key.uid)
        if key.part == "lease":
            changed.lives = True
            self._take(event)
            if (lease := self.mirror.leases.get(key.node)) is not None:
                self.leaving.check_said(key.node, lease, self.now())
            self._opened_or_closed(key.node)
            for uid in self.mirror.assignments.get(key.node, ()):
                self.services.available.note(self.mirror, uid, self.now())
            return
        before = self.mirror.assignments.get(key.node, {}).get(key.uid)
        if before is not None and not self.mirror.is_over(key.node, key.uid):
            if key.part == "assignments":
                self.contention.note_bound_anew(key.uid, self.mirror.demands[key.node, key.uid], self.now())
            if before.desired == "Running":
                self.contention.note_running(before, self.now())
        if key.part == "status":
            self._status(key, event, who)
        else:
            self._take(event)
        if key.part == "spec":
            self._opened_or_closed(key.node)
        if key.part in ("assignments", "status"):
            self._count(event, who)
            touched.add(key.uid)
            changed.uids.add(key.uid)
            if key.part == "assignments" or key.uid not in self.past.restored_at:
                # A restore may bring back what had ended, and whose room was given away.
                nodes.add(key.node)
        if key.part == "assignments" and event.entry is not None:
            after = self.mirror.assignments[key.node][key.uid]
            self.past.note_assigned(key.node, after)
            self.drains.note_assignment(self.mirror, key.node, before, after, who, self.now())
            if before is not None and who.endswith("/scheduler"):
                self.contention.check_stopped(self.mirror, key.node, before, after, self.now())
        elif key.part == "assignments" and before is not None:
            if self.mirror.is_unsettled(keys.task(before.namespace, before.name)):
                raise Violation(
                    f"{who} took {before.name} away while somebody's value for it waits to be read", key.uid
                )
            self.past.taken_away(key.node, before, self.now())

    def _opened_or_closed(self, node: str) -> None:
        lease, spec = self.mirror.leases.get(node), self.mirror.specs.get(node)
        self.closed.note(node, lease, spec, self.now())
        self.drains.note(node, lease, spec, self.now())

    def _status(self, key: NodeKey, event: KeyEvent, who: str) -> None:
        node, uid = key.node, key.uid
        old = self.mirror.statuses.get(node, {}).get(uid)
        self._take(event)
        if event.entry is None:
            return
        lease = self.mirror.leases.get(node)
        certain = self.now() > self.past.uncertain_until
        if lease is None or (certain and who != f"agent-{lease.host_id}/loop"):
            raise Violation(f"{who} wrote a status on {node}, which is {lease.host_id if lease else 'nobody'}'s", uid)
        new = self.mirror.statuses[node][uid]
        self.garbage.note_status(new, self.now())
        self.dependents.note_status(new)
        self.services.note_status(new, self.mirror.of_uid(uid))
        self.past.intended.add((uid, new.epoch))
        self.past.reporters[node, uid] = who.removeprefix("agent-").partition("/")[0]
        assignment = self.mirror.assignments.get(node, {}).get(uid)
        if assignment is None or assignment.epoch != new.epoch:
            raise Violation(f"{node} wrote a status of epoch {new.epoch}, which is not assigned there", uid)
        if new.reason == "NameTaken" and uid not in self.names_taken:
            raise Violation(f"{new.name} waits for a name that nobody else has", uid)
        if old is not None:
            check_forward(old, new, assignment)

    def _check_placed(self, uid: str) -> None:
        mirror = self.mirror
        placed = mirror.placed.get(uid, set())
        if len(placed) > 1:
            raise Violation(f"two assignments: {', '.join(sorted(placed))}", uid)
        if not mirror.agree(uid):
            if uid in self.past.disturbed:
                return
            raise Violation(f"assigned on {sorted(placed)}, and its task's binding says something else", uid)
        self.past.disturbed.discard(uid)
        for node in sorted(mirror.reported.get(uid, set()) - placed):
            raise Violation(f"the status on {node} outlives its assignment", uid)


def _is_jobs(task: Task) -> bool:
    return task.metadata.owner is not None and task.metadata.owner.kind == "Job"
