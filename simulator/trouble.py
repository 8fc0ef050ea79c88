"""What goes wrong, drawn from the seed: each fault begins by itself and ends by itself, or when all faults end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from nodeagent.runtime.fake import Breakdown
from nodeagent.runtime.port import ContainerState
from simulator.node import Host
from simulator.plane import PlaneProcess
from simulator.users import Users
from taskyard.store.faulty import Call

if TYPE_CHECKING:
    from simulator.cluster import Cluster, Member

_CALLS: tuple[Call, ...] = ("commit", "commit", "commit", "grant", "keep_alive", "get", "list")

_PARTS = ("", "scheduler", "scheduler", "tasks", "user")


class Trouble:
    """Each fault has a number, and a chance of its own that hangs on it alone: one that is left out, as the shrinker
    does it, changes no other."""

    def __init__(
        self,
        cluster: Cluster,
        users: Users,
        drawn: Callable[[str], Random],
        per_minute: float,
        only: frozenset[int] | None = None,
    ) -> None:
        """`only`: the numbers of those that strike; None: all."""
        self._users = users
        self._cluster = cluster
        self._drawn = drawn
        self._times = drawn("fault times")
        self._random = drawn("no fault yet")
        self._only = only
        self.struck = 0
        """How many have had their turn."""
        self._rate = per_minute / 60
        self._broken: set[str] = set()
        self._kinds: tuple[Callable[[], str], ...] = (
            self._kill,
            self._fuse_to_crash,
            self._fuse_to_crash,
            self._fuse_to_freeze,
            self._fuse_to_freeze,
            self._fuse_to_freeze,
            self._orphan,
            self._hurry,
            self._hurry,
            self._cut,
            self._cut,
            self._lose,
            self._lose,
            self._lose,
            self._disconnect,
            self._repeat,
            self._harm_container,
            self._harm_container,
            self._break_runtime,
            self._cordon,
            self._cordon,
        )

    def strike(self) -> float:
        """One fault; seconds until the next."""
        number, self.struck = self.struck, self.struck + 1
        if self._only is None or number in self._only:
            self._random = self._drawn(f"faults/{number}")
            told = self._random.choice(self._kinds)()
            if told:
                self._cluster.note(told)
        return self._times.expovariate(self._rate)

    def _victim(self) -> Member | None:
        planes, agents = self._cluster.planes(), self._cluster.agents()
        # Control planes are few, and most of the protocol is theirs.
        chosen: list[Member] = [*planes] if planes and self._random.random() < 0.5 else [*agents]
        return self._random.choice(chosen) if chosen else None

    def _host(self) -> Host:
        return self._random.choice(self._cluster.hosts_in_order)

    def _kill(self) -> str:
        victim = self._victim()
        if victim is None:
            return ""
        self._cluster.kill(victim)
        return f"{victim.name} is killed"

    def _fuse_to_crash(self) -> str:
        victim = self._victim()
        if victim is not None:
            victim.fuse.left, victim.fuse.seconds = self._random.randint(1, 12), 0.0
            victim.fuse.only, victim.fuse.meanwhile = "", None
        return ""

    def _fuse_to_freeze(self) -> str:
        victim = self._victim()
        if victim is not None:
            seconds = self._random.choice((0.5, 2.0, 7.0, 14.0, 25.0))
            victim.fuse.left, victim.fuse.seconds = self._random.randint(1, 5), seconds
            victim.fuse.only = self._random.choice(_PARTS if isinstance(victim, PlaneProcess) else ("", "loop"))
            victim.fuse.meanwhile = self._random.choice(
                (None, partial(self._lose_host, self._random), *[partial(self._rush, self._random)] * 2)
            )
        return ""

    def _lose_host(self, random: Random) -> None:
        agents = self._cluster.agents()
        if agents:
            lost = random.choice(agents)
            self._cluster.lose(lost)
            self._cluster.note(f"{lost.name} is killed, and its lease ends early")

    def _rush(self, random: Random) -> None:
        self._cluster.note("users are in a hurry")
        self._users.rush(random)

    def _hurry(self) -> str:
        """A control plane freezes in the middle of a binding or of an answer; what that rests on changes meanwhile."""
        victim, part = self._cluster.leader(), "scheduler"
        if self._random.random() < 0.5:
            # Not the leader, which has to bind meanwhile.
            part, others = "user", [one for one in self._cluster.planes() if one is not victim]
            victim = self._random.choice(others) if others else None
        if victim is None:
            return ""
        victim.fuse.left, victim.fuse.seconds, victim.fuse.only = 1, 0.5, part
        hosts = part == "scheduler" and self._random.random() < 0.4
        victim.fuse.meanwhile = partial(self._lose_host if hosts else self._rush, self._random)
        self._users.rush(self._random)
        return ""

    def _orphan(self) -> str:
        """The leader freezes before it writes, and nobody can take its place."""
        planes = self._cluster.planes()
        if len(planes) < 2:
            return ""
        leader, other = self._random.sample(planes, 2)
        leader.fuse.left, leader.fuse.seconds, leader.fuse.meanwhile = 1, 7.0, None
        leader.fuse.only = self._random.choice(("scheduler", "tasks"))
        other.store.down = True

        def heal() -> None:
            other.store.down = False
            self._cluster.note(f"{other.name} reaches the store again")

        self._cluster.later(25.0, heal)
        return f"{other.name} is cut off from the store for 25 s"

    def _cut(self) -> str:
        victim = self._victim()
        if victim is None:
            return ""
        store, seconds = victim.store, self._random.choice((0.5, 3.0, 8.0, 15.0))
        store.down = True

        def heal() -> None:
            store.down = False
            self._cluster.note(f"{victim.name} reaches the store again")

        self._cluster.later(seconds, heal)
        return f"{victim.name} is cut off from the store for {seconds:g} s"

    def _lose(self) -> str:
        victim = self._victim()
        if victim is None:
            return ""
        store, call = victim.store, self._random.choice(_CALLS)
        fault = self._random.choice(("answer lost", "answer lost", "request lost", "unreachable"))
        if call == "commit" and self._random.random() < 0.3:
            store.fail(call, "request late")
            self._cluster.later(self._random.uniform(0.05, 6.0), store.deliver)
            return f"{victim.name}'s next commit will be late"
        store.fail(call, fault)  # type: ignore[arg-type]
        return f"{victim.name}'s next {call}: {fault}"

    def _disconnect(self) -> str:
        self._cluster.disconnect(compact=self._random.random() < 0.7)
        return "all watches are disconnected, and history is compacted before they are back"

    def _repeat(self) -> str:
        victim = self._victim()
        if victim is None:
            return ""
        store = victim.store
        store.repeats = True

        def heal() -> None:
            store.repeats = False

        self._cluster.later(30.0, heal)
        return f"{victim.name} is told old news again, in disorder, for 30 s"

    def _harm_container(self) -> str:
        host = self._host()
        running = [
            one
            for one in host.runtime.everything()
            if one.state is ContainerState.RUNNING and one.name.startswith("ty-")
        ]
        if not running or host.name in self._broken:
            return ""
        one, gone = self._random.choice(running), self._random.random() < 0.3
        if gone:
            host.runtime.remove(one.id, force=True)
        else:
            host.runtime.kill(one.id, "SIGKILL")
        self._cluster.containers_changed(host)
        return f"somebody {'removes' if gone else 'kills'} {one.name} on {host.name}"

    def _break_runtime(self) -> str:
        host = self._host()
        how: Breakdown = self._random.choice(("hangs", "late", "late", "answers lost"))
        host.runtime.break_down(how)
        self._broken.add(host.name)

        def heal() -> None:
            host.runtime.break_down("")
            self._cluster.woken_up(host)
            self._broken.discard(host.name)

        self._cluster.later(self._random.uniform(0.5, 12.0), heal)
        return f"the container runtime of {host.name}: {how}"

    def _cordon(self) -> str:
        """What is edited meanwhile has to move."""
        host = self._host()
        self._cluster.cordon(host, True)
        self._cluster.later(self._random.uniform(5.0, 40.0), lambda: self._cluster.cordon(host, False))
        return f"{host.name} is cordoned"


def heal_all(cluster: Cluster) -> None:
    members: list[Member] = [*cluster.everybody()]
    for member in members:
        member.fuse.left = 0
        member.store.heal()
    for host in cluster.hosts_in_order:
        cluster.cordon(host, False)
        host.runtime.break_down("")
        cluster.woken_up(host)
