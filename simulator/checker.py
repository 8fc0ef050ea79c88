"""What must hold at every revision of the store and at every call of a container runtime, whoever made it.

It reads the history and the calls, never a component's own words, and raises Violation at the first thing that is
wrong. What only holds once all has settled is in settled.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import groupby

from msgspec import json
from msgspec.structs import replace

from controlplane.cluster.demand import Demand, demand_of
from nodeagent.runtime.port import ContainerInfo, ContainerState
from simulator.node import CAPACITY, Host
from simulator.promises import check_backoff, check_moved
from simulator.story import Violation
from taskyard import keys
from taskyard.keys import NodeKey
from taskyard.objects import Assignment, Task, TaskStatus, decode, spec_hash
from taskyard.store.api import KeyEvent

_RUN = "ty-"
_ROLES = {"scheduler": "scheduler", "tasks": "controllers"}


@lru_cache(maxsize=4096)
def _demand(raw: bytes) -> tuple[Assignment, Demand]:
    assignment = decode(raw, Assignment)
    return assignment, demand_of(assignment.spec)


class Checker:
    """The cluster as the store has it, and what was there before."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        self._hosts = hosts
        self.tasks: dict[str, Task] = {}
        """By key."""
        self.assignments: dict[str, dict[str, Assignment]] = {}
        """By node and uid."""
        self.statuses: dict[str, dict[str, TaskStatus]] = {}
        self.leases: set[str] = set()
        self.leaders: dict[str, str] = {}
        """By role, who holds its key."""
        self.writes: dict[str, int] = {}
        """Of each key that is under no lease, since `writes` was cleared."""
        self.singletons: set[str] = set()
        """uids of all that only ever were singletons."""
        self.names_taken: set[str] = set()
        """uids of those whose container's name was given to somebody else's: they fail, and rightly."""
        self._others: set[str] = set()
        self._demands: dict[tuple[str, str], Demand] = {}
        self._by_uid: dict[str, str] = {}
        self._placed: dict[str, set[str]] = {}
        self._reported: dict[str, set[str]] = {}
        """By uid, the nodes that have an assignment, and a status, of it."""
        self._epochs: dict[str, int] = {}
        self._assigned: set[tuple[str, str, int]] = set()
        self._intended: set[tuple[str, int]] = set()
        self._ended: set[tuple[str, str]] = set()
        """By node and container: it has run, and its agent has removed it."""

    def apply(self, events: Iterable[KeyEvent], who: str) -> None:
        for _, together in groupby(events, key=lambda event: event.revision):
            touched: set[str] = set()
            nodes: set[str] = set()
            bound: list[Task] = []
            for event in together:
                if event.key.startswith(keys.TASKS):
                    self._task(event, who, touched, bound)
                elif event.key.startswith(keys.LEADERS):
                    self._leader(event)
                elif (key := keys.parse_node(event.key)) is not None:
                    self._node(key, event, who, touched, nodes)
            for task in bound:
                self._check_bound(task)
            for uid in sorted(touched):
                self._check_placed(uid)
            for node in sorted(nodes):
                self._check_room(node)

    def _leader(self, event: KeyEvent) -> None:
        found = json.decode(event.entry.value)["identity"] if event.entry else ""
        self.leaders[event.key.removeprefix(keys.LEADERS)] = found

    def _task(self, event: KeyEvent, who: str, touched: set[str], bound: list[Task]) -> None:
        self._count(event)
        old = self.tasks.get(event.key)
        new = decode(event.entry.value, Task) if event.entry else None
        user = who == "user"
        if new is None:
            del self.tasks[event.key]
            if old is not None:
                self._check_removed(old, who)
                touched.add(old.metadata.uid)
                self._by_uid.pop(old.metadata.uid, None)
            return
        self.tasks[event.key] = new
        uid = new.metadata.uid
        touched.add(uid)
        if self._by_uid.setdefault(uid, event.key) != event.key:
            raise Violation(f"the uid {uid} is used twice", uid)
        if old is None:
            if not user:
                raise Violation(f"{who} made a task that no user has", uid)
            return
        if not user and replace(new, binding=old.binding) != old:
            raise Violation(f"{who} changed what the user wrote of {new.metadata.name}", uid)
        if user and new.binding != old.binding:
            raise Violation(f"an apply changed the binding of {new.metadata.name}", uid)
        if old.metadata.deletion_timestamp and not new.metadata.deletion_timestamp:
            raise Violation(f"the deletion of {new.metadata.name} was forgotten", uid)
        if old.metadata.uid != uid:
            raise Violation(f"the uid of {new.metadata.name} changed", uid)
        if new.binding != old.binding:
            self._check_leads(who, "scheduler", uid)
            check_moved(old, new, self.leases)
            bound.append(new)

    def _check_removed(self, old: Task, who: str) -> None:
        name, uid = old.metadata.name, old.metadata.uid
        if who == "user":
            if old.binding is not None:
                raise Violation(f"{name} was deleted while it was bound: its container is nobody's", uid)
            return
        self._check_leads(who, "tasks", uid)
        if not old.metadata.deletion_timestamp:
            raise Violation(f"the accepted task {name} is lost: {who} deleted it, and no user did", uid)

    def _check_leads(self, who: str, part: str, uid: str) -> None:
        """It is the part that may write this, and its process held the role when it did."""
        role = _ROLES.get(part)
        if role is None or who != f"{self.leaders.get(role)}/{part}":
            raise Violation(f"{who} wrote what the {part} writes, and {self.leaders.get(role or '')} leads", uid)

    def _check_bound(self, task: Task) -> None:
        binding, uid = task.binding, task.metadata.uid
        if binding is None:
            raise Violation(f"the binding of {task.metadata.name} was lost", uid)
        if binding.epoch <= self._epochs.get(uid, 0):
            raise Violation(f"the epoch of {task.metadata.name} did not rise", uid)
        if binding.spec_hash != spec_hash(task.spec):
            raise Violation(f"{task.metadata.name} was bound for a spec that it does not have", uid)
        if task.metadata.deletion_timestamp:
            raise Violation(f"{task.metadata.name} was bound although it is being deleted", uid)
        if binding.node not in self.leases:
            raise Violation(f"{task.metadata.name} was bound to {binding.node}, which is gone", uid, binding.node)
        self._epochs[uid] = binding.epoch

    def _node(self, key: NodeKey, event: KeyEvent, who: str, touched: set[str], nodes: set[str]) -> None:
        node, uid = key.node, key.uid
        if key.part == "lease":
            (self.leases.add if event.entry else self.leases.discard)(node)
        elif key.part == "assignments":
            self._count(event)
            touched.add(uid)
            nodes.add(node)
            self._assignment(node, uid, event, who)
        elif key.part == "status":
            self._count(event)
            touched.add(uid)
            nodes.add(node)
            self._status(node, uid, event, who)

    def _assignment(self, node: str, uid: str, event: KeyEvent, who: str) -> None:
        self._check_leads(who, who.rpartition("/")[2], uid)
        here = self.assignments.setdefault(node, {})
        if event.entry is None:
            here.pop(uid, None)
            self._demands.pop((node, uid), None)
            self._placed.get(uid, set()).discard(node)
            return
        here[uid], self._demands[node, uid] = _demand(event.entry.value)
        if not here[uid].spec.singleton:
            self._others.add(uid)
        (self.singletons.discard if uid in self._others else self.singletons.add)(uid)
        self._placed.setdefault(uid, set()).add(node)
        self._assigned.add((node, uid, here[uid].epoch))

    def _status(self, node: str, uid: str, event: KeyEvent, who: str) -> None:
        here = self.statuses.setdefault(node, {})
        old = here.get(uid)
        if event.entry is None:
            here.pop(uid, None)
            self._reported.get(uid, set()).discard(node)
            return
        self._reported.setdefault(uid, set()).add(node)
        if who != f"agent-{node}/loop":
            raise Violation(f"{who} wrote a status on {node}", uid)
        new = here[uid] = decode(event.entry.value, TaskStatus)
        self._intended.add((uid, new.epoch))
        assignment = self.assignments.get(node, {}).get(uid)
        if assignment is None or assignment.epoch != new.epoch:
            raise Violation(f"{node} wrote a status of epoch {new.epoch}, which is not assigned there", uid)
        if new.reason == "NameTaken" and uid not in self.names_taken:
            raise Violation(f"{new.name} failed over a name that nobody else has", uid)
        if old is None:
            return
        if (new.epoch, new.attempt) < (old.epoch, old.attempt):
            raise Violation(f"{new.name} went back to attempt {new.attempt} of epoch {new.epoch}", uid)
        if new.epoch == old.epoch and new.restarts < old.restarts:
            raise Violation(f"{new.name} forgot restarts", uid)
        if (new.epoch, new.attempt) == (old.epoch, old.attempt):
            if new.state.rank < old.state.rank:
                raise Violation(f"{new.name} went back from {old.state} to {new.state}", uid)
            if old.state.terminal and new.state is not old.state and assignment.desired == "Running":
                raise Violation(f"{new.name} was {old.state} and is {new.state}", uid)

    def _check_placed(self, uid: str) -> None:
        key = self._by_uid.get(uid)
        task = self.tasks.get(key) if key else None
        placed = self._placed.get(uid, set())
        if len(placed) > 1:
            raise Violation(f"two assignments: {', '.join(sorted(placed))}", uid)
        wanted = {task.binding.node} if task is not None and task.binding is not None else set()
        if placed != wanted:
            raise Violation(f"assigned on {sorted(placed)} and bound to {sorted(wanted)}", uid)
        for node in wanted:
            found = self.assignments[node][uid]
            if task is not None and task.binding is not None and found.epoch != task.binding.epoch:
                raise Violation(f"bound at epoch {task.binding.epoch}, assigned at {found.epoch}", uid)
        for node in sorted(self._reported.get(uid, set()) - placed):
            raise Violation(f"the status on {node} outlives its assignment", uid)

    def _check_room(self, node: str) -> None:
        cpu = memory = 0
        ports: set[object] = set()
        for uid, assignment in self.assignments.get(node, {}).items():
            status = self.statuses.get(node, {}).get(uid)
            if status is not None and status.state.terminal and status.epoch >= assignment.epoch:
                continue
            demand = self._demands[node, uid]
            cpu, memory = cpu + demand.cpu, memory + demand.memory
            if ports.intersection(demand.ports):
                raise Violation(f"a host port is given out twice on {node}", uid, node)
            ports.update(demand.ports)
        if cpu > CAPACITY.cpu_millis or memory > CAPACITY.memory_bytes:
            raise Violation(f"{node} is over its capacity: {cpu} millicores, {memory} bytes", node)

    def _count(self, event: KeyEvent) -> None:
        self.writes[event.key] = self.writes.get(event.key, 0) + 1

    def called(self, who: str, node: str, call: str, container: ContainerInfo | None, name: str) -> None:
        """Before the call is carried out."""
        if container is not None and container.id in self._hosts[node].foreign:
            raise Violation(f"{who} touched the foreign container {container.name}: {call}", node)
        if call == "remove" and container is not None and container.started_at:
            self._ended.add((node, container.name))
        if call not in ("create", "start"):
            return
        run = container.name if container is not None else name
        if not run.startswith(_RUN):
            raise Violation(f"{who} was to {call} {run}", node)
        uid, epoch, _ = run.removeprefix(_RUN).split("-")
        if (node, uid, int(epoch)) not in self._assigned:
            raise Violation(f"{call} {run} on {node}, where it never was assigned", uid)
        if call == "create":
            if (uid, int(epoch)) not in self._intended:
                raise Violation(f"{run} is created on {node} without a durable intent", uid)
            if (node, run) in self._ended:
                raise Violation(f"{run}, which has run and ended, is made again on {node}", uid)
            return
        check_backoff(self.statuses.get(node, {}).get(uid), run, self._hosts[node].clock.now())
        prefix = f"{_RUN}{uid}-"
        others = [
            one.name
            for one in self._hosts[node].runtime.everything()
            if one.state is ContainerState.RUNNING and one.name != run and one.name.startswith(prefix)
        ]
        if others:
            raise Violation(f"{run} is started on {node} while {others[0]} runs", uid)
        if container is not None and container.state is ContainerState.EXITED:
            raise Violation(f"{run}, which has ended, is started again on {node}", uid)
