"""From create to bound while fifty tasks a second arrive on five thousand nodes, beside a bare round trip through etcd.

Ours is the time from sending the write of a new task, as the API makes it, until a watch of the tasks shows it bound.
The limit, in the same run and just before each of ours, with the same connections: a put that a watch sees and that is
answered by a transaction, until the watch shows that too; what any scheduler over etcd takes that decides nothing.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.report import Figure, Goal, Report
from bench.scale import Deciding, connected, etcd, put_nodes, put_of, waiting_task
from taskyard import keys
from taskyard.objects import Task, decode
from taskyard.store.api import Put, Store, WatchBatch, absent, unchanged

NODES = 5_000
RATE = 50.0
SECONDS = 20.0
MEDIAN, TAIL = 3.0, 6.0
"""Times a bare round trip: for half of the tasks, and for 99 in 100."""
_ECHO = "/bench/echo/"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=int, default=NODES, help=f"size of the cluster (default {NODES})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of arrivals (default {SECONDS:g})")


def run(repeats: int, options: argparse.Namespace) -> Report:
    ours: list[tuple[float, float]] = []
    bare: list[tuple[float, float]] = []
    count = round(options.seconds * RATE)
    with etcd() as server, connected(server) as store:
        put_nodes(store, options.nodes)
        for repeat in range(repeats):
            with _answering(store):
                bare.append(_quantiles(_bare(store, repeat, count)))
            with Deciding(server.endpoint) as deciding:
                deciding.wait_synced()
                deciding.lead()
                ours.append(_quantiles(_bound(store, range(repeat * count, (repeat + 1) * count))))
                deciding.resign()
    shares = [(mine[0] / most[0], mine[1] / most[1]) for mine, most in zip(ours, bare, strict=True)]
    figures = [
        Figure("create to bound, p50", "ms", [p50 * 1000 for p50, _ in ours]),
        Figure("create to bound, p99", "ms", [p99 * 1000 for _, p99 in ours]),
        Figure("etcd round trip, p50", "ms", [p50 * 1000 for p50, _ in bare]),
        Figure("etcd round trip, p99", "ms", [p99 * 1000 for _, p99 in bare]),
        Figure("times the round trip, p50", "ratio", [p50 for p50, _ in shares]),
        Figure("times the round trip, p99", "ratio", [p99 for _, p99 in shares]),
    ]
    return Report(
        "scheduler-latency",
        figures,
        [
            Goal("p50 in bare round trips", figures[4].median, MEDIAN, "at most"),
            Goal("p99 in bare round trips", figures[5].median, TAIL, "at most"),
        ],
    )


def _quantiles(samples: list[float]) -> tuple[float, float]:
    """p50 and p99, in the unit of the samples."""
    ordered = sorted(samples)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)]


def _bound(store: Store, numbers: range) -> list[float]:
    def ended(batch: WatchBatch) -> Iterator[str]:
        for event in batch.events:
            if event.entry is not None and decode(event.entry.value, Task).binding is not None:
                yield event.key

    return _timed(store, keys.TASKS, [put_of(waiting_task(number)) for number in numbers], ended)


def _bare(store: Store, repeat: int, count: int) -> list[float]:
    def ended(batch: WatchBatch) -> Iterator[str]:
        return (event.key for event in batch.events if event.entry is not None and event.entry.version == 2)

    value = put_of(waiting_task(0)).value
    return _timed(store, _ECHO, [Put(f"{_ECHO}{repeat}-{number}", value) for number in range(count)], ended)


def _timed(store: Store, prefix: str, puts: list[Put], ended: Callable[[WatchBatch], Iterator[str]]) -> list[float]:
    """Sends them at the rate; seconds until `ended` names the key of each."""
    began: dict[str, float] = {}
    took: dict[str, float] = {}
    watch = store.watch(prefix, start_revision=store.list(_ECHO).revision + 1)
    done = threading.Event()

    def follow() -> None:
        while len(took) < len(puts) and not done.is_set():
            batch = watch.poll(1.0)
            for key in ended(batch) if batch is not None else ():
                took.setdefault(key, time.perf_counter() - began[key])

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        first = time.perf_counter()
        for number, put in enumerate(puts):
            time.sleep(max(first + number / RATE - time.perf_counter(), 0.0))
            began[put.key] = time.perf_counter()
            store.commit([absent(put.key)], [put])
        follower.join(60)
        if len(took) < len(puts):
            raise TimeoutError(f"{len(puts) - len(took)} of {len(puts)} had no answer after 60 s")
    finally:
        done.set()
        watch.close()
    return list(took.values())


@contextmanager
def _answering(store: Store) -> Iterator[None]:
    """Answers each new key with one transaction that compares it, as the barest scheduler would."""
    done = threading.Event()
    watch = store.watch(_ECHO, start_revision=store.list(_ECHO).revision + 1)

    def answer() -> None:
        while not done.is_set():
            batch = watch.poll(0.5)
            for event in batch.events if batch is not None else ():
                if event.entry is not None and event.entry.version == 1:
                    store.commit([unchanged(event.entry)], [Put(event.key, event.entry.value)])

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(5)
        watch.close()
