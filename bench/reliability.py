"""How long faults last, on three hosts in network namespaces: node lost, leader lost, container killed, host healed.

Times come from outside: a fault begins when it is made, and ends when etcd's own history (read past all of Taskyard's
code) has the status or binding that ends it, or when etcd and Docker agree that all has settled. Singletons are judged
by Docker's start and end times. A p99 is the nearest rank: of fewer than 100 samples it is the largest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bench.report import Figure, Goal, Report
from chaos.cluster import Cluster, Timeout
from chaos.host import LEASE, Host
from chaos.witness import Witness
from taskyard import keys
from taskyard.clock import parse_timestamp
from taskyard.local import demo_image
from taskyard.objects import Task, TaskState, TaskStatus, decode
from tests.support.manifests import task

NODES_LOST = 6
"""Of each kind of fault in one repeat."""
NODES_LOST_WITH_ETCD = 3
LEADERS_LOST = 8
CONTAINERS_KILLED = 36
PLAIN = 6
"""Tasks on the node that is lost, beside one singleton."""
_PATIENCE = 90.0
_AT_ONCE = {"policy": "always", "backoff": {"initial": "1ms"}}


@dataclass
class Samples:
    """In seconds; counts of what must not be."""

    bound: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    singleton: list[float] = field(default_factory=list)
    with_etcd: list[float] = field(default_factory=list)
    apart: list[float] = field(default_factory=list)
    healed: list[float] = field(default_factory=list)
    healed_with_etcd: list[float] = field(default_factory=list)
    failover: list[float] = field(default_factory=list)
    restarted: list[float] = field(default_factory=list)
    by_hand: list[float] = field(default_factory=list)
    """The same by docker-py alone, on the same host, taking turns."""
    accepted: int = 0
    lost: int = 0
    doubled: int = 0


def run(repeats: int) -> Report:
    samples = Samples()
    cluster = Cluster()
    cluster.start()
    try:
        for _ in range(repeats):
            for kind in (_lose_nodes, _lose_leaders, _kill_containers):
                with Witness(cluster) as witness:
                    kind(_Run(cluster, witness, samples))
                cluster.repair()
    finally:
        cluster.stop()
    return _report(samples)


def _report(samples: Samples) -> Report:
    plain = Figure(f"node dead to plain task running, lease {LEASE:.0f} s", "s", samples.plain)
    singleton = Figure("node dead to singleton running", "s", samples.singleton)
    failover = Figure("scheduler killed to next binding", "s", samples.failover)
    restarted = Figure("container killed to running again, backoff 1 ms", "s", samples.restarted)
    healed = Figure("host healed to converged", "s", samples.healed)
    return Report(
        "reliability",
        [
            Figure("node dead to plain task bound elsewhere", "s", samples.bound),
            plain,
            singleton,
            Figure("the same, etcd's leader on the dead node, all tasks", "s", samples.with_etcd),
            Figure("old singleton ended to new one started", "s", samples.apart),
            failover,
            restarted,
            Figure("the same by docker-py: killed, dead, another created and started", "s", samples.by_hand),
            healed,
            Figure("the same, etcd's leader was on it when it was cut off", "s", samples.healed_with_etcd),
        ],
        [
            Goal("node dead to plain task running, p99", plain.p99, 12, "at most", "s"),
            Goal("node dead to singleton running, p99", singleton.p99, 14, "at most", "s"),
            Goal("scheduler killed to next binding, p99", failover.p99, 6, "at most", "s"),
            Goal("container killed to running again, p99", restarted.p99, 1, "at most", "s"),
            Goal("host healed to converged, p99", healed.p99, 3, "at most", "s"),
            Goal(f"tasks lost, of {samples.accepted} accepted", samples.lost, 0, "at most"),
            Goal(f"singletons run twice, of {len(samples.apart)} that moved", samples.doubled, 0, "at most"),
        ],
        ["p99: nearest rank; of fewer than 100 samples the largest. A node dies by losing its network, both ways."],
    )


class _Run:
    """One kind of fault in one repeat."""

    def __init__(self, cluster: Cluster, witness: Witness, samples: Samples) -> None:
        self.cluster = cluster
        self.witness = witness
        self.samples = samples

    def start(self, host: Host, *names: str, singleton: str = "") -> dict[str, str]:
        """Tasks that run on `host` and may run anywhere; uid by name."""
        manifests = [task(name, restart=_AT_ONCE, singleton=name == singleton) for name in names]
        for other in self.cluster.hosts:
            self.cluster.cordon(other.name, other is not host)
        self.cluster.apply(*manifests)
        self.samples.accepted += len(manifests)
        found = self.cluster.wait_running(names, _PATIENCE)
        for other in self.cluster.hosts:
            self.cluster.cordon(other.name, False)
        return {name: item["metadata"]["uid"] for name, item in found.items()}

    def running_since(self, uid: str, began: float, *, epoch: int = 1, attempt: int = 1) -> float:
        """Seconds from `began` until etcd's history had it Running as this epoch and attempt, or a later one."""
        return self._until(
            lambda: next(
                (
                    at
                    for at, status in self._statuses(began)
                    if status.uid == uid
                    and status.state is TaskState.RUNNING
                    and (status.epoch, status.attempt) >= (epoch, attempt)
                ),
                None,
            ),
            began,
            f"{uid} runs as epoch {epoch}, attempt {attempt}",
        )

    def bound_since(self, name: str, began: float, *, epoch: int = 1) -> float:
        """Seconds from `began` until etcd's history had it bound for this epoch, or a later one."""

        def bound() -> float | None:
            for seen in self.witness.times(keys.task("default", name), began):
                binding = decode(seen.event.entry.value, Task).binding if seen.event.entry is not None else None
                if binding is not None and binding.epoch >= epoch:
                    return seen.at
            return None

        return self._until(bound, began, f"{name} is bound as epoch {epoch}")

    def end(self, names: list[str]) -> None:
        """All of them run, or are lost; then they are deleted."""
        try:
            self.cluster.wait_running(names, _PATIENCE)
        except Timeout:
            there = {item["metadata"]["name"] for item in self.cluster.tasks() if item["status"]["state"] == "Running"}
            self.samples.lost += len(set(names) - there)
        self.cluster.delete_all()

    def _statuses(self, since: float) -> Iterator[tuple[float, TaskStatus]]:
        for seen in self.witness.times(keys.NODES, since):
            key = keys.parse_node(seen.event.key)
            if key is not None and key.part == "status" and seen.event.entry is not None:
                yield seen.at, decode(seen.event.entry.value, TaskStatus)

    def _until(self, heard: Callable[[], float | None], began: float, what: str) -> float:
        return self.cluster.until(heard, _PATIENCE, what) - began


def _lose_nodes(run: _Run) -> None:
    victim = run.cluster.host("h3")
    for number in range(NODES_LOST + NODES_LOST_WITH_ETCD):
        with_etcd = number >= NODES_LOST
        run.cluster.lead_etcd(victim if with_etcd else run.cluster.host("h1"))
        _lose_node(run, victim, with_etcd=with_etcd)


def _lose_node(run: _Run, victim: Host, *, with_etcd: bool) -> None:
    cluster, samples = run.cluster, run.samples
    names = [*(f"web-{number}" for number in range(PLAIN)), "ledger"]
    uids = run.start(victim, *names, singleton="ledger")
    old = cluster.wait_state("ledger", "Running")["status"]["containerId"]
    began = time.time()
    victim.cut()
    took = {name: run.running_since(uid, began, epoch=2) for name, uid in uids.items()}
    if with_etcd:
        samples.with_etcd += took.values()
    else:
        samples.singleton.append(took.pop("ledger"))
        samples.plain += took.values()
        samples.bound += [run.bound_since(name, began, epoch=2) for name in took]
    ended = victim.inspect(old)["State"]
    now = cluster.wait_state("ledger", "Running")["status"]
    started = cluster.host(now["node"]).inspect(now["containerId"])["State"]["StartedAt"]
    if ended["Running"] or parse_timestamp(ended["FinishedAt"]) >= parse_timestamp(started):
        samples.doubled += 1
    else:
        samples.apart.append(parse_timestamp(started) - parse_timestamp(ended["FinishedAt"]))
    healed = time.monotonic()
    victim.heal()
    cluster.until(lambda: _converged(run, victim), _PATIENCE, "all has settled after the heal")
    (samples.healed_with_etcd if with_etcd else samples.healed).append(time.monotonic() - healed)
    run.end(names)


def _converged(run: _Run, victim: Host) -> bool:
    """The host is a node again, nothing of an earlier epoch runs on it, and everything runs as it is assigned."""
    registered = any(entry.key == keys.node_lease(victim.name) for entry in run.cluster.list(keys.NODES).entries)
    return registered and not run.witness.unsettled()


def _lose_leaders(run: _Run) -> None:
    cluster = run.cluster
    for number in range(LEADERS_LOST):
        leader = cluster.until(cluster.plane_leader, _PATIENCE, "one leads")
        other = next(host for host in cluster.planes if host is not leader)
        began = time.time()
        leader.controlplane.kill()
        cluster.apply(task(f"web-{number}"), at=other)
        run.samples.accepted += 1
        run.samples.failover.append(run.bound_since(f"web-{number}", began))
        leader.controlplane.start()
        leader.controlplane.wait_ready()
    run.end([f"web-{number}" for number in range(LEADERS_LOST)])


def _kill_containers(run: _Run) -> None:
    names = [f"web-{number}" for number in range(CONTAINERS_KILLED // 4)]
    for _ in range(4):
        host = run.cluster.host("h3")
        uids = run.start(host, *names)
        before = run.cluster.wait_running(names)
        for name, uid in uids.items():
            began = time.time()
            host.kill_container(before[name]["status"]["containerId"])
            run.samples.restarted.append(run.running_since(uid, began, attempt=2))
            run.samples.by_hand.append(_replace_by_hand(host))
        run.end(names)


def _replace_by_hand(host: Host) -> float:
    """Seconds from a container's kill until another runs in its place, when nobody has to notice or to decide."""
    with host.docker() as client:
        config = client.create_host_config(network_mode="bridge")

        def start() -> str:
            made = client.create_container(demo_image.REFERENCE, ["sleep", "3600"], host_config=config)
            client.start(made["Id"])
            return str(made["Id"])

        old = start()
        began = time.monotonic()
        client.kill(old)
        client.wait(old)
        new = start()
        took = time.monotonic() - began
        for container in (old, new):
            client.remove_container(container, force=True)
    return took
