"""What the checker remembers beyond what the store holds now, and what of it a store that was restored takes away.

A restore legitimately loses what was written since the backup: of the uids that are otherwise now the memory is cut
down to what the store still shows. Of all the others nothing is forgotten.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nodeagent.runtime.port import ContainerInfo, ContainerState
from simulator.mirror import Mirror
from simulator.specs import ILL
from taskyard.objects import Assignment, TaskSpec

_AWAY = 40.0
"""Seconds that an agent may be cut off, or dead: of what was deleted meanwhile it cannot tell that it was meant, once
the store has been restored. One that is frozen may be so for longer, and has been cut off before, perhaps."""


_LEASE = 15.0
"""Seconds: the longest lease, and what it takes to notice its end."""


@dataclass(slots=True)
class Forgotten:
    """An assignment that went with the store's data."""

    epoch: int
    told: bool = False
    """The node's agent has noticed the loss."""
    released: bool = False
    """It was started anew since, which is how a person says that the loss was meant."""
    falls_ill: bool = False
    """An agent that has not heard of the loss goes on replacing it when its checks fail."""


class Past:
    def __init__(self) -> None:
        self.epochs: dict[str, int] = {}
        """The highest that each uid was bound at."""
        self.assigned: set[tuple[str, str, int]] = set()
        """Node, uid, epoch."""
        self.specs: dict[str, TaskSpec] = {}
        """All that were ever assigned, by their hash."""
        self.intended: set[tuple[str, int]] = set()
        """uid and epoch: its agent has said that it begins."""
        self.starts: dict[tuple[str, str], tuple[float, int]] = {}
        """When anything of a run but a sidecar was last started, on the monotonic clock, and after how many restarts;
        by host and name of the run."""
        self.reporters: dict[tuple[str, str], str] = {}
        """The host whose agent has written the last status, by node and uid."""
        self.ended: set[tuple[str, str]] = set()
        """Host and container: it has run, and its agent has removed it."""
        self.singletons: set[str] = set()
        """uids of all that only ever were singletons."""
        self.gone: set[str] = set()
        """uids of tasks that were deleted, other than by hand."""
        self.results: set[str] = set()
        self.disturbed: set[str] = set()
        """uids of tasks that somebody has overwritten by hand, until task and assignment agree again."""
        self.orphaned: set[str] = set()
        """uids of tasks that somebody has deleted by hand, or overwritten with what is no task."""
        self.forgotten: dict[tuple[str, str], Forgotten] = {}
        """Node and uid of assignments that a restore has taken away, and that nobody has replaced."""
        self.unmarked: set[str] = set()
        """Nodes whose agent has not marked the store since it was restored."""
        self._taken: dict[tuple[str, str], tuple[int, float]] = {}
        """Node and uid of assignments that were deleted: their epochs, and when."""
        self.uncertain_until = 0.0
        """The leases of before a restore are over by then. As the store gives out revisions a second time, who held
        something until then may pass for who holds it now."""
        self.restored_at: dict[str, float] = {}
        """uid → when, on the monotonic clock, a restore last changed what the store has of it."""
        self._others: set[str] = set()
        self._keys: dict[str, str] = {}

    def is_own_uid(self, uid: str, key: str) -> bool:
        return self._keys.setdefault(uid, key) == key

    def note_assigned(self, node: str, held: Assignment) -> None:
        if not held.spec.singleton:
            self._others.add(held.uid)
        (self.singletons.discard if held.uid in self._others else self.singletons.add)(held.uid)
        self.specs[held.spec_hash] = held.spec
        self.assigned.add((node, held.uid, held.epoch))
        self.forgotten.pop((node, held.uid), None)

    def note_ended(self, host: str, uid: str, run: str) -> None:
        """Epochs are given out a second time after a restore, and so are the names of runs."""
        if uid not in self.restored_at:
            self.ended.add((host, run))

    def agent_tells(self, node: str) -> None:
        """It has marked the store anew, and so knows what the store has lost."""
        self.unmarked.discard(node)
        for forgotten in self._on(node):
            forgotten.told = True

    def agent_starts(self, node: str) -> None:
        for forgotten in self._on(node):
            forgotten.released = forgotten.told

    def _on(self, node: str) -> list[Forgotten]:
        return [forgotten for (where, _), forgotten in self.forgotten.items() if where == node]

    def may_be_left(self, node: str, uid: str, container: ContainerInfo) -> bool:
        """Its assignment went with the store's data, at nobody's wish. A singleton must not run on."""
        over = container.state is not ContainerState.RUNNING
        return (node, uid) in self.forgotten and (over or uid not in self.singletons)

    def has_to_stay(self, node: str, uid: str, container: ContainerInfo) -> bool:
        found = self.forgotten.get((node, uid))
        if found is None or found.released or not self.may_be_left(node, uid, container):
            return False
        if found.falls_ill and not found.told:
            return False
        return container.name.startswith(f"ty-{uid}-{found.epoch}-")

    def taken_away(self, node: str, held: Assignment, now: float) -> None:
        """By somebody who meant it. An agent that was away and has not marked the store since a restore cannot tell."""
        self._taken[node, held.uid] = held.epoch, now
        if node in self.unmarked:
            self._may_stay(node, held.uid)

    def just_taken(self, node: str, uid: str, since: float) -> bool:
        """So that its containers are still being removed, one after the other."""
        return self._taken.get((node, uid), (0, -math.inf))[1] > since

    def _may_stay(self, node: str, uid: str) -> None:
        self.forgotten[node, uid] = Forgotten(self._taken[node, uid][0], told=True, released=True)

    def restore(self, before: Mirror, after: Mirror, now: float, frozen: Mapping[str, float]) -> None:
        self.uncertain_until = now + _LEASE
        # Also what has an assignment, and a task that was put by hand and has no uid yet: it is to have that one again.
        self.gone -= _uids(after)
        self.unmarked |= before.leases.keys() | before.assignments.keys()
        for (node, uid), (_, at) in self._taken.items():
            if at > min(now, frozen.get(node, now)) - _AWAY:
                self._may_stay(node, uid)
        for uid in sorted(_uids(before) | _uids(after)):
            if _all_of(before, uid) == _all_of(after, uid):
                continue
            self.restored_at[uid] = now
            self.epochs[uid] = _epoch(after, uid)
            self.ended = {(host, run) for host, run in self.ended if not run.startswith(f"ty-{uid}-")}
            for node in sorted(before.placed.get(uid, set()) - after.placed.get(uid, set())):
                held = before.assignments[node][uid]
                # By the mark of another machine, which had the name meanwhile, nobody can tell.
                mark, holder = after.anchors.get(node), before.leases.get(node)
                strange = mark is not None and (holder is None or mark.host_id != holder.host_id)
                meant = held.desired == "Stopped" or strange
                ill = held.spec.args[0] in ILL
                self.forgotten[node, uid] = Forgotten(held.epoch, told=meant, released=meant, falls_ill=ill)
            for reported in after.statuses.values():
                if uid in reported:
                    self.intended.add((uid, reported[uid].epoch))
            for node in sorted(after.placed.get(uid, ())):
                self.note_assigned(node, after.assignments[node][uid])
            if not after.agree(uid):
                self.disturbed.add(uid)


def _uids(mirror: Mirror) -> set[str]:
    found = set(mirror.by_uid)
    for assigned in mirror.assignments.values():
        found |= assigned.keys()
    for reported in mirror.statuses.values():
        found |= reported.keys()
    return found


def _all_of(mirror: Mirror, uid: str) -> tuple[object, ...]:
    assigned = {node: here[uid] for node, here in mirror.assignments.items() if uid in here}
    reported = {node: here[uid] for node, here in mirror.statuses.items() if uid in here}
    return mirror.of_uid(uid), assigned, reported


def _epoch(mirror: Mirror, uid: str) -> int:
    epochs = [here[uid].epoch for here in mirror.assignments.values() if uid in here]
    epochs += [here[uid].epoch for here in mirror.statuses.values() if uid in here]
    task = mirror.of_uid(uid)
    return max([*epochs, task.binding.epoch if task is not None and task.binding is not None else 0])
