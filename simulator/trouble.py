"""What goes wrong, drawn from the seed: each fault begins by itself and ends by itself, or when all faults end."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from simulator.faults import connections, draining, editing, machines, processes, pushing, storing
from simulator.faults.scene import Fault, Scene
from simulator.settings import Settings
from simulator.users import Users

if TYPE_CHECKING:
    from simulator.cluster import Cluster, Member

WEIGHTS: tuple[tuple[int, Fault], ...] = (
    (2, processes.kill),
    (4, processes.crash_later),
    (6, processes.freeze_later),
    (3, processes.hurry),
    (1, editing.withdrawn),
    (2, processes.orphan),
    (1, processes.crash_loop),
    (3, connections.cut),
    (3, connections.cut_one_way),
    (6, connections.lose_a_call),
    (2, connections.create_late),
    (2, connections.disconnect),
    (2, connections.repeat),
    (4, connections.lag),
    (2, machines.lose_lease),
    (4, machines.harm_container),
    (2, machines.break_runtime),
    (1, machines.fill_disk),
    (2, machines.jump_clock),
    (2, machines.lose_time),
    (1, editing.outlived),
    (1, editing.important),
    (1, editing.outnumbered),
    (1, machines.take_a_name),
    (1, machines.twin),
    (3, machines.cordon),
    (2, machines.maintain),
    (1, storing.restore),
    (1, storing.wipe),
)
_ASKED_FOR: tuple[Fault, ...] = (processes.succeed, connections.strand)
"""Those that strike only where settings name them: they take long, and make others idle."""
_DRAINS = ((3, draining.drain), (1, draining.leave))
"""Where nodes are drained."""
_PUSHES = ((3, pushing.push), (1, pushing.sweep))
"""Where a tag moves."""


class Trouble:
    """Each fault has a number, and a chance of its own that hangs on it alone: one that is left out, as the shrinker
    does it, changes no other."""

    def __init__(self, cluster: Cluster, users: Users, drawn: Callable[[str], Random], settings: Settings) -> None:
        """`settings`: with nothing left open."""
        self._users = users
        self._cluster = cluster
        self._drawn = drawn
        self._times = drawn("fault times")
        self._only, kinds = settings.only_faults, settings.kinds
        self.struck = 0
        """How many have had their turn."""
        self._rate = settings.faults_per_minute / 60
        asked = [(1, fault) for fault in _ASKED_FOR if kinds is not None]
        asked += _DRAINS if settings.drains else ()
        asked += _PUSHES if settings.pushes else ()
        known = [(weight, fault) for weight, fault in (*WEIGHTS, *asked) if kinds is None or fault.__name__ in kinds]
        self._kinds = [fault for weight, fault in known for _ in range(weight)]

    def strike(self) -> float:
        """One fault; seconds until the next."""
        number, self.struck = self.struck, self.struck + 1
        if self._only is None or number in self._only:
            random = self._drawn(f"faults/{number}")
            told = random.choice(self._kinds)(Scene(self._cluster, self._users, random))
            if told:
                self._cluster.note(told)
        return self._times.expovariate(self._rate)


def heal_all(cluster: Cluster, emptied: Random | None) -> None:
    """`emptied` says which node somebody still wants to be empty; None: nobody does."""
    cluster.end_crash_loops()
    for name in [host.name for host in cluster.hosts_in_order]:
        cluster.end_twin(name)
    members: list[Member] = [*cluster.everybody()]
    for member in members:
        member.fuse.left = 0
        member.store.heal()
    for agent in cluster.agents():
        if agent.leaves:
            cluster.kill(agent)  # Nobody waits any more for its node to be empty.
    for _, clock in cluster.clocks():
        clock.set_ahead(0.0)
    if emptied is not None:
        cluster.operator.drain_for_good(emptied.choice(cluster.nodes()))
    for host in cluster.hosts_in_order:
        cluster.operator.cordon(host.name, False)
        host.fill(False)
        host.runtime.break_down("")
        cluster.woken_up(host)
