"""Looks on while a cluster is being broken: follows etcd's history on its own and holds it to the simulator's rules.

It watches every member, so that it misses nothing as long as one of them learns of it, and reads no component's own
words. What must hold in the end (settle) is judged by etcd and the three dockerds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from types import TracebackType

from chaos.cluster import Cluster
from chaos.gateway import Member, MemberUnavailable
from chaos.writers import writer_of
from simulator.checker import Checker
from simulator.story import Violation
from taskyard import keys
from taskyard.objects import TaskState
from taskyard.store.api import KeyEvent

_SILENCE = 10.0
_RETRY = 0.2
_SHOWN = 40
"""Events before a violation that are shown with it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An event, and when it was heard of, in seconds since the epoch."""

    at: float
    event: KeyEvent


class RuleBroken(Exception):
    """What must never be has been; the message tells what led to it."""


class Witness:
    """`with Witness(cluster) as witness:`; leaving without an exception waits until all has settled and judges."""

    def __init__(self, cluster: Cluster, *, settle: float = 60.0) -> None:
        self._cluster = cluster
        self._settle = settle
        self._checker = Checker(time.monotonic)
        self._revision = 0
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._violation: Violation | None = None
        self._foreign: dict[str, dict[str, str]] = {}
        self.history: list[Seen] = []

    def __enter__(self) -> Witness:
        self._foreign = {host.name: host.foreign() for host in self._cluster.hosts}
        listing = self._cluster.list(keys.ROOT)
        known = sorted((KeyEvent(e.key, e, e.mod_revision) for e in listing.entries), key=lambda event: event.revision)
        self._take(known)
        self._revision = max(self._revision, listing.revision)
        for host in self._cluster.hosts:
            threading.Thread(target=self._follow, args=(self._cluster.member(host),), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.settled(self._settle)
            elif self._violation is not None:
                error.add_note(f"The witness saw: {self._told(self._violation)}")
        finally:
            self._closed.set()

    def name_taken(self, uid: str) -> None:
        """Somebody else's container has the name of this task's."""
        with self._changed:
            self._checker.names_taken.add(uid)

    def check(self) -> None:
        """Raises RuleBroken for the first rule that was."""
        if self._violation is not None:
            raise RuleBroken(self._told(self._violation))

    def settled(self, timeout: float) -> None:
        """Until everything runs as it is assigned, and nothing else does. AssertionError says what does not; RuleBroken
        comes as soon as there is no point in waiting."""

        def whole() -> bool:
            left = self.unsettled()
            self.check()
            assert not left, "; ".join(left)
            return True

        self._cluster.until(whole, timeout, "the cluster has settled")
        self._check_foreign()

    def unsettled(self) -> list[str]:
        """What is not yet as it is meant to be, by etcd and by Docker; all of etcd's history up to now is read."""
        self._catch_up()
        with self._changed:
            assigned = {
                (node, assignment.uid, assignment.epoch): assignment.name
                for node, here in self._checker.mirror.assignments.items()
                for assignment in here.values()
            }
            statuses = {
                (node, uid): s for node, here in self._checker.mirror.statuses.items() for uid, s in here.items()
            }
            unbound = [task.metadata.name for task in self._checker.mirror.tasks.values() if task.binding is None]
        left = [f"{name} is not bound" for name in unbound]
        for host in self._cluster.hosts:
            for container in host.containers(running=True):
                labels = container["Labels"]
                run = (host.name, labels["taskyard/uid"], int(labels["taskyard/epoch"]))
                if run not in assigned:
                    left.append(f"{container['Names'][0]} runs on {host.name}, where it is not assigned")
                elif statuses.get(run[:2]) is None or statuses[run[:2]].container_id != container["Id"]:
                    left.append(f"{container['Names'][0]} runs on {host.name}, and its status names another")
        running = {one["Id"] for one in self._cluster.containers(running=True)}
        for (node, uid, epoch), name in assigned.items():
            status = statuses.get((node, uid))
            if status is None or status.epoch != epoch:
                left.append(f"{node} has not reported on epoch {epoch} of {name}")
            elif not (status.state.terminal or (status.state is TaskState.RUNNING and status.container_id in running)):
                left.append(f"{name} is {status.state} on {node} and does not run")
        return left

    def times(self, key: str, since: float = 0.0) -> list[Seen]:
        """What happened to this key (or under it, when it ends in a slash) since then."""
        with self._changed:
            return [
                seen
                for seen in self.history
                if seen.at >= since and (seen.event.key.startswith(key) if key.endswith("/") else seen.event.key == key)
            ]

    def _follow(self, member: Member) -> None:
        while not self._closed.is_set():
            try:
                for batch in member.watch(keys.ROOT, self._revision + 1, silence=_SILENCE):
                    self._take(batch)
                    if self._closed.is_set():
                        return
            except MemberUnavailable:
                self._closed.wait(_RETRY)

    def _take(self, events: Sequence[KeyEvent]) -> None:
        with self._changed:
            for revision, group in groupby(events, key=lambda event: event.revision):
                together = list(group)
                if revision <= self._revision:
                    continue
                self._revision = revision
                self.history += [Seen(time.time(), event) for event in together]
                self._judge(together)
            self._changed.notify_all()

    def _judge(self, together: list[KeyEvent]) -> None:
        if self._violation is not None:
            return
        try:
            self._checker.apply(together, writer_of(together, self._checker))
        except Violation as violation:
            self._violation = violation

    def _catch_up(self) -> None:
        revision = self._cluster.list(keys.LEADERS).revision
        deadline = time.monotonic() + _SILENCE
        with self._changed:
            while self._revision < revision:
                # A revision that touched no key of ours is never told.
                if not self._changed.wait(0.3):
                    break
                assert time.monotonic() < deadline, f"revision {revision} was not seen, only {self._revision}"

    def _check_foreign(self) -> None:
        for host in self._cluster.hosts:
            now = host.foreign()
            for name, started in self._foreign[host.name].items():
                assert name in now, f"the foreign container {name} on {host.name} was removed"
                assert now[name] == started or host.lost_containers, (
                    f"the foreign container {name} on {host.name} was stopped or started"
                )

    def _told(self, violation: Violation) -> str:
        about = [seen for seen in self.history if any(name in _text(seen.event) for name in violation.about)]
        lines = [f"{seen.at:.3f} {_text(seen.event)}" for seen in (about or self.history)[-_SHOWN:]]
        return "\n".join([f"{violation} ({', '.join(violation.about)})", *lines])


def _text(event: KeyEvent) -> str:
    value = event.entry.value.decode(errors="replace")[:400] if event.entry else "deleted"
    return f"revision {event.revision} {event.key}: {value}"
