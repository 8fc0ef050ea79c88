"""Ten thousand waiting tasks in a real etcd until all their assignments are there, on clusters of growing size.

Ours is counted from the moment the scheduler leads (its cache is filled by then) until the last binding is committed.
The limit beside it, in the same run and on an etcd with the same keys: the same transactions, as many bindings in each,
with the same compares and of the same bytes, ready made and sent one after the other by nobody who decides anything.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from etcd3.etcdrpc import rpc_pb2

from bench.report import Figure, Goal, Report
from bench.scale import MOMENT, Deciding, connected, etcd, node_names, put_nodes, put_tasks
from controlplane.cluster import TaskRecord
from controlplane.cluster.demand import demand_of
from controlplane.leading import Proposal
from controlplane.leading.commits import batches, transaction
from controlplane.scheduler.bindings import Bound, Standing, Target, propose
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import Task, decode
from taskyard.store import etcd_codec
from taskyard.store.api import same_life
from taskyard.store.etcd import EtcdStore
from taskyard.store.etcd_channel import Endpoints

TASKS = 10_000
GOALS = {100: 0.40, 1_000: 0.40, 5_000: 0.35, 10_000: 0.25}
"""By nodes, the share of what etcd takes."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=int, nargs="+", default=list(GOALS), help="sizes of the cluster")
    parser.add_argument("--tasks", type=int, default=TASKS, help=f"that wait (default {TASKS})")


def run(repeats: int, options: argparse.Namespace) -> Report:
    figures: list[Figure] = []
    goals: list[Goal] = []
    for nodes in options.nodes:
        ours: list[float] = []
        limit: list[float] = []
        for _ in range(repeats):
            limit.append(options.tasks / _bare(nodes, options.tasks))
            ours.append(options.tasks / _drain(nodes, options.tasks))
        shares = [mine / most for mine, most in zip(ours, limit, strict=True)]
        figures += [
            Figure(f"{nodes} nodes: scheduler", "bindings/s", ours),
            Figure(f"{nodes} nodes: etcd alone", "bindings/s", limit),
            Figure(f"{nodes} nodes: share", "ratio", shares),
        ]
        if nodes in GOALS:
            goals.append(Goal(f"share of etcd's at {nodes} nodes", figures[-1].median, GOALS[nodes], "at least"))
    return Report("scheduler-drain", figures, goals)


def _drain(nodes: int, tasks: int) -> float:
    with etcd() as server:
        with connected(server) as store:
            put_nodes(store, nodes)
            put_tasks(store, tasks)
        with Deciding(server.endpoint) as deciding:
            deciding.wait_synced()
            deciding.lead()
            began = time.perf_counter()
            deciding.wait_bound(tasks)
            return time.perf_counter() - began


def _bare(nodes: int, tasks: int) -> float:
    with etcd() as server, connected(server) as store:
        put_nodes(store, nodes)
        put_tasks(store, tasks)
        requests = _requests(store, nodes)
        link = Endpoints([server.endpoint], 30.0).dial(server.endpoint)
        try:
            link.maintenance.Status(rpc_pb2.StatusRequest())
            began = time.perf_counter()
            for request in requests:
                if not link.kv.Txn(request, timeout=30.0).succeeded:
                    raise AssertionError("a transaction that nothing contradicts failed")
            return time.perf_counter() - began
        finally:
            link.channel.close()


def _requests(store: EtcdStore, nodes: int) -> list[Any]:
    """What a scheduler that has decided would send, in etcd's own messages."""
    fence = same_life(keys.leader("scheduler"), 0)
    life = {entry.key: entry.create_revision for entry in store.list(keys.NODES).entries}
    names = node_names(nodes)
    proposals: list[Proposal[Bound]] = []
    for number, entry in enumerate(store.list(keys.TASKS).entries):
        task = decode(entry.value, Task)
        key = NamedKey(task.metadata.namespace, task.metadata.name)
        record = TaskRecord(key, task, entry, demand_of(task.spec))
        node = names[number % nodes]
        target = Target(node, life[keys.node_lease(node)])
        proposals.append(propose(Standing(record, 0, {}), target, record.demand, unread=0, at=MOMENT))
    return [etcd_codec.transaction(*transaction(fence, batch)) for batch in batches(proposals)]
