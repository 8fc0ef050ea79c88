"""A new control plane over a large cluster: until it leads and decides, and the memory that takes.

Each in a process of its own, from the first call to etcd: ours until the one task that waits is bound; the limit beside
it, in the same run, lists the same keys and decodes each value into its type, and does no more.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import msgspec

from bench.report import Figure, Goal, Report
from bench.scale import MOMENT, Deciding, connected, etcd, node_names, put_all, put_nodes, put_of, waiting_task
from controlplane.cluster import TaskRecord, demand_of
from controlplane.scheduler.bindings import Standing, Target, propose
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import Assignment, Event, NodeLease, Task, TaskState, TaskStatus, encode
from taskyard.objects.codec import decode
from taskyard.store.api import Entry, Put
from taskyard.store.etcd import EtcdStore

NODES = 5_000
TASKS = 100_000
TIMES, MEMORY = 2.0, 700.0
"""What listing and decoding takes; MB."""


class Found(msgspec.Struct):
    seconds: float
    memory: float
    """The most it ever had, MB."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=int, default=NODES, help=f"size of the cluster (default {NODES})")
    parser.add_argument("--tasks", type=int, default=TASKS, help=f"that run there (default {TASKS})")


def run(repeats: int, options: argparse.Namespace) -> Report:
    ours: list[Found] = []
    bare: list[Found] = []
    with etcd() as server, connected(server) as store:
        put_nodes(store, options.nodes)
        put_all(store, _running(options.nodes, options.tasks))
        waiting = put_of(waiting_task(options.tasks))
        for _ in range(repeats):
            bare.append(_child("list", server.endpoint))
            store.commit([], [waiting])
            ours.append(_child("decide", server.endpoint))
    times = [mine.seconds / most.seconds for mine, most in zip(ours, bare, strict=True)]
    figures = [
        Figure("start to first decision", "s", [each.seconds for each in ours]),
        Figure("list and decode", "s", [each.seconds for each in bare]),
        Figure("start / list and decode, by repeat", "ratio", times),
        Figure("memory", "MB", [each.memory for each in ours]),
    ]
    goals = [
        Goal("start in times of list and decode", figures[2].median, TIMES, "at most"),
        Goal("memory", max(figures[3].samples), MEMORY, "at most", "MB"),
    ]
    return Report("cold-start", figures, goals, [f"{options.nodes} nodes, {options.tasks} running tasks"])


def _running(nodes: int, tasks: int) -> Iterator[Put]:
    """Each with its binding, its assignment and its status, as the scheduler and an agent write them."""
    names = node_names(nodes)
    for number in range(tasks):
        put, node = put_of(waiting_task(number)), names[number % nodes]
        task = decode(put.value, Task)
        key = NamedKey(task.metadata.namespace, task.metadata.name)
        record = TaskRecord(key, task, Entry(put.key, put.value, 1, 1), demand_of(task.spec))
        bound = propose(Standing(record, 0, {}), Target(node, 1), record.demand, unread=0, at=MOMENT)
        yield from (operation for operation in bound.operations if isinstance(operation, Put))
        status = TaskStatus(
            uid=record.uid,
            namespace="default",
            name=task.metadata.name,
            epoch=1,
            state=TaskState.RUNNING,
            container_id=f"{number:064x}",
            container_name=f"ty-{record.uid}-1-1",
            started_at=MOMENT,
            updated_at=MOMENT,
        )
        yield Put(keys.status(node, record.uid), encode(status))


def _child(what: str, endpoint: str) -> Found:
    command = [sys.executable, "-m", "bench.cold_start", what, endpoint]
    return msgspec.json.decode(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout, type=Found)


def _list(endpoint: str) -> float:
    for entry in EtcdStore([endpoint], timeout=30.0).list(keys.ROOT).entries:
        decode(entry.value, _kind_of(entry.key))
    return time.perf_counter()


def _kind_of(key: str) -> type[Task] | type[Event] | type[Assignment] | type[TaskStatus] | type[NodeLease]:
    if key.startswith(keys.TASKS):
        return Task
    if key.startswith(keys.EVENTS):  # The repeat before it has told of its decision.
        return Event
    found = keys.parse_node(key)
    part = found.part if found is not None else ""
    return Assignment if part == "assignments" else TaskStatus if part == "status" else NodeLease


def _decide(endpoint: str) -> float:
    with Deciding(endpoint) as deciding:
        deciding.lead()
        deciding.wait_bound(1)
        bound = time.perf_counter()
        deciding.resign()
    return bound


if __name__ == "__main__":
    began = time.perf_counter()
    took = {"list": _list, "decide": _decide}[sys.argv[1]](sys.argv[2]) - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(msgspec.json.encode(Found(took, peak)).decode())
