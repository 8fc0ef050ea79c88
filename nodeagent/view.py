"""What the agent believes about its containers. Fed by its own actions, by looks, by events and by the periodic list.

Events and lists do not change a belief: they mark a container as unsure, and an inspect settles it. So a list that is
older than a start, or an event that came twice, does no harm. There are two exceptions. The end of a container that
runs and that nothing else is said of: its event says all that an inspect would, which Docker answers only when it has
taken the container's network down. And its removal, after which there is nothing to look at. Stronger than all is the
kernel's word of an end, which may come before the runtime knows of it (`ended`). Thread-safe; decides nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from msgspec.structs import replace

from nodeagent.names import GROUP, MAIN, NETWORK, Owner, Run, run_of, uid_of
from nodeagent.runtime.port import ContainerEnd, ContainerEvent, ContainerInfo, ContainerState, ContainerSummary
from nodeagent.situation import Container

_ENDED = (ContainerState.EXITED, ContainerState.DEAD)
_REMOVED = "destroy"
"""The action of an event: its id never comes back."""
_REMEMBERED = 1024
"""Ids that were removed: a look that was on its way at that time may still bring one up."""
OUT_OF_MEMORY = "oom"
"""The action of an event. Docker tells of it before the end or after, as it comes."""


class ContainerView:
    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._lock = threading.Lock()
        self._containers: dict[str, dict[str, Container]] = {}
        self._unsure: dict[str, set[str]] = {}
        self._with_belongings: set[str] = set()
        self._out_of_memory: set[str] = set()
        """Ids of containers of which that was told: an inspect knows of it only once they have ended, if at all."""
        self._ahead: set[str] = set()
        """Ids of those that have ended by the kernel's word, while the runtime may still take them for running."""
        self._removed: dict[str, None] = {}
        """Ids of those whose removal was told, oldest first."""
        self.listed = False
        """A list has succeeded: a container that is not here is not there either, or its event is on its way."""

    def of(self, uid: str) -> tuple[tuple[Container, ...], tuple[str, ...]]:
        """The task's containers, oldest run first, and the ids or names that have to be looked at."""
        with self._lock:
            known, unsure = self._containers.get(uid), self._unsure.get(uid)
            containers = sorted(known.values(), key=lambda one: one.run) if known else ()
            return _as_reached(tuple(containers)), tuple(sorted(unsure)) if unsure else ()

    def all(self) -> list[Container]:
        with self._lock:
            return [one for those in self._containers.values() for one in those.values()]

    def uids(self) -> set[str]:
        with self._lock:
            return set(self._containers) | set(self._unsure) | self._with_belongings

    def has_belongings(self, uid: str) -> None:
        """There may be volumes or a network on the node that are to go with the task."""
        with self._lock:
            self._with_belongings.add(uid)

    def has_no_belongings(self, uid: str) -> None:
        with self._lock:
            self._with_belongings.discard(uid)

    def may_have_belongings(self, uid: str) -> bool:
        with self._lock:
            return uid in self._with_belongings

    def saw(self, info: ContainerInfo) -> None:
        run = run_of(self._owner, info.name, info.labels)
        if run:
            with self._lock:
                if info.id in self._removed:
                    return
                if info.id in self._ahead and info.state is ContainerState.RUNNING:
                    return
                self._ahead.discard(info.id)
                known = self._containers.setdefault(run.uid, {})
                before = known.get(info.id)
                if before and before.info.state in _ENDED and info.state is ContainerState.RUNNING:
                    self._out_of_memory.discard(info.id)  # A sidecar that is started again.
                if info.id in self._out_of_memory:
                    info = replace(info, oom_killed=True)
                known[info.id] = Container(run, info)

    def gone(self, uid: str, container: str) -> None:
        """By id or name."""
        with self._lock:
            known = self._containers.get(uid, {})
            for identity in [i for i, one in known.items() if container in (i, one.info.name)]:
                del known[identity]
                self._ahead.discard(identity)
                self._out_of_memory.discard(identity)
            if not known:
                self._containers.pop(uid, None)

    def doubt(self, uid: str, containers: Iterable[str]) -> None:
        with self._lock:
            self._unsure.setdefault(uid, set()).update(containers)

    def about_to_look(self, uid: str, containers: Iterable[str]) -> None:
        """Forgets the doubts before the look, so that one that comes up meanwhile stays."""
        with self._lock:
            left = self._unsure.pop(uid, set()).difference(containers)
            if left:
                self._unsure[uid] = left

    def happened(self, event: ContainerEvent, *, believed: bool) -> str:
        """The uid of the task that should be asked about again; empty when it concerns none of ours. `believed`: an
        event may be taken for the whole truth."""
        uid = uid_of(self._owner, event.labels)
        if uid and event.action == OUT_OF_MEMORY:
            self._note_out_of_memory(uid, event.id)
        if uid and believed and event.action == _REMOVED:
            self._note_removal(uid, event.id)
        elif uid and self._caught_up(uid, event):
            return ""
        elif uid and not (believed and self._ended(uid, event)):
            self.doubt(uid, [event.id])
        return uid

    def _note_removal(self, uid: str, container: str) -> None:
        self.gone(uid, container)
        with self._lock:
            self._removed[container] = None
            if len(self._removed) > _REMEMBERED:
                del self._removed[next(iter(self._removed))]
            left = self._unsure.pop(uid, set()) - {container}
            if left:
                self._unsure[uid] = left

    def _note_out_of_memory(self, uid: str, container: str) -> None:
        with self._lock:
            known = self._containers.get(uid, {})
            if container in known:
                self._out_of_memory.add(container)
                one = known[container]
                known[container] = replace(one, info=replace(one.info, oom_killed=True))

    def ended(self, end: ContainerEnd) -> str:
        """By the kernel's word: nothing of it runs. The uid of the task that should be asked about again; empty where
        the runtime's own word is waited for. So it is with sidecars and what holds a network: those are started
        again, and for a runtime that takes them for running there is nothing to start."""
        with self._lock:
            uid = next((uid for uid, those in self._containers.items() if end.id in those), "")
            if not uid or not _is_made_once(self._containers[uid][end.id].run):
                return ""
            # Its ports stay with it: they are free once the runtime says that it has ended.
            if not self._note_end(uid, end.id, end.exit_code, end.at):
                return ""
            self._ahead.add(end.id)
            return uid

    def _caught_up(self, uid: str, event: ContainerEvent) -> bool:
        """The runtime tells of an end that is known already."""
        with self._lock:
            known = self._containers.get(uid, {}).get(event.id)
            if known is None or event.id not in self._ahead or event.exit_code != known.info.exit_code:
                return False
            self._ahead.remove(event.id)
            return True

    def _ended(self, uid: str, event: ContainerEvent) -> bool:
        """Takes note of an end that needs no look. Out of memory is told before it, and then there is a doubt."""
        with self._lock:
            known = self._containers.get(uid, {}).get(event.id)
            if event.exit_code is None or (known is not None and known.info.ports):
                return False  # Ports are free only once its network is down, and the next one may want them.
            return self._note_end(uid, event.id, event.exit_code, event.at)

    def _note_end(self, uid: str, container: str, exit_code: int, at: float) -> bool:
        """Under the lock."""
        known = self._containers.get(uid, {}).get(container)
        if known is None or not known.running or container in self._unsure.get(uid, ()):
            return False
        if at <= known.info.started_at:
            return False  # Of a run before, or it ended so soon that the agent's clock is later.
        info = replace(known.info, state=ContainerState.EXITED, exit_code=exit_code, finished_at=at, address="", pid=0)
        self._containers[uid][container] = replace(known, info=info)
        return True

    def compare(self, listed: Iterable[ContainerSummary]) -> set[str]:
        """Doubts whatever differs from the list; returns the uids of those tasks."""
        before = self.all()
        names = {known.info.id: known.info.name for known in before}
        # A container keeps its labels, so one that is known and has its name is ours.
        found = {
            one.id: one for one in listed if names.get(one.id) == one.name or run_of(self._owner, one.name, one.labels)
        }
        doubted: set[str] = set()
        for known in before:
            seen = found.pop(known.info.id, None)
            if seen is None or _differs(known.info, seen):
                self.doubt(known.run.uid, [known.info.id])
                doubted.add(known.run.uid)
        for one in found.values():
            if one.labels.get(GROUP):
                self.has_belongings(uid_of(self._owner, one.labels))
            uid = uid_of(self._owner, one.labels)
            self.doubt(uid, [one.id])
            doubted.add(uid)
        self.listed = True
        return doubted


def _is_made_once(run: Run) -> bool:
    """An init task, or the task itself: what comes after it is another container."""
    return run.step <= MAIN and run.step != NETWORK


def _as_reached(containers: tuple[Container, ...]) -> tuple[Container, ...]:
    """A container in another's network is reached by that one's address, and the task itself by its ports."""
    holders = {one.run: one.info for one in containers if one.run.step == NETWORK}
    if not holders:
        return containers
    return tuple(_through(one, holders.get(replace(one.run, step=NETWORK))) for one in containers)


def _through(one: Container, holder: ContainerInfo | None) -> Container:
    if holder is None or one.run.step < MAIN:
        return one
    ports = holder.ports if one.run.step == MAIN else one.info.ports
    return replace(one, info=replace(one.info, address=holder.address, ports=ports))


def _differs(known: ContainerInfo, seen: ContainerSummary) -> bool:
    running = known.state is ContainerState.RUNNING
    return known.state is not seen.state or (running and known.health != seen.health)
