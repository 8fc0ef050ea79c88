"""`taskyard top`: what nodes and tasks use now, as their agents measured it."""

from __future__ import annotations

import click

from taskyard.cli.age import age, cores, share, size
from taskyard.cli.failure import Failed, note
from taskyard.cli.kinds import Kind, find_kind
from taskyard.cli.refreshing import refresh
from taskyard.cli.session import Command, session
from taskyard.cli.table import Table
from taskyard.client.views import StatsView
from taskyard.clock import SystemClock

NODE_COLUMNS = ("NAME", "CPU", "CPU%", "MEMORY", "MEMORY%", "DISK", "LOAD", "MEASURED")
TASK_COLUMNS = ("NAMESPACE", "NAME", "NODE", "CPU", "MEMORY", "RECEIVED", "SENT", "DISK")


@click.command(cls=Command, namespaced=True)
@click.argument("what", default="nodes", metavar="[nodes|tasks]")
@click.option("-A", "--all-namespaces", is_flag=True, help="Tasks of every namespace.")
@click.option(
    "--sort-by",
    type=click.Choice(["name", "cpu", "memory"]),
    default="name",
    show_default=True,
    help="By name, or what takes most first.",
)
@click.option("-w", "--watch", is_flag=True, help="Show it again every few seconds, until Ctrl-C.")
@click.option("--interval", type=click.FloatRange(1), default=5.0, metavar="SECONDS", help="With -w: how often (5).")
def top(what: str, all_namespaces: bool, sort_by: str, watch: bool, interval: float) -> None:
    """CPU (cores, 250m is a quarter of one) and memory (bytes, Ki, Mi, Gi) in use, by node or by task.

    \b
      taskyard top nodes
      taskyard top tasks -A --sort-by memory      what takes most of it first
      taskyard top tasks -w

    Measured every 15 s; `stats` shows it over time.
    """
    kind = find_kind(what)
    if kind not in (Kind.NODE, Kind.TASK):
        raise Failed(f"there is nothing to measure about '{what}'", "use: taskyard top nodes, or: taskyard top tasks")
    current = session()
    client = current.client()
    namespace = "" if all_namespaces else current.namespace_or_default()

    def page() -> str:
        stats = client.stats()
        if kind is Kind.NODE:
            rows, columns = node_rows(stats, sort_by, SystemClock().now()), NODE_COLUMNS
        else:
            rows, columns = task_rows(stats, sort_by, namespace), TASK_COLUMNS
        if not rows:
            note(f"no {kind.plural} report what they use")
        return "\n".join(Table(columns).lines(rows)) if rows else ""

    refresh(page, interval, again=watch)


def node_rows(stats: StatsView, sort_by: str, now: float) -> list[list[str]]:
    order = {"cpu": lambda n: -n.usage.cpu_millis, "memory": lambda n: -n.usage.memory_bytes}
    return [
        [
            node.name,
            cores(node.usage.cpu_millis),
            share(node.usage.cpu_millis, node.capacity.cpu_millis),
            size(node.usage.memory_bytes),
            share(node.usage.memory_bytes, node.capacity.memory_bytes),
            size(node.usage.disk_bytes),
            " ".join(f"{load:.2f}" for load in node.load),
            f"{age(node.at, now)} ago" if node.at else "-",
        ]
        for node in sorted(stats.nodes, key=order.get(sort_by, lambda n: n.name))
    ]


def task_rows(stats: StatsView, sort_by: str, namespace: str) -> list[list[str]]:
    order = {"cpu": lambda t: -t.cpu_millis, "memory": lambda t: -t.memory_bytes}
    chosen = [task for task in stats.tasks if not namespace or task.namespace == namespace]
    return [
        [
            task.namespace,
            task.name,
            task.node,
            cores(task.cpu_millis),
            size(task.memory_bytes),
            size(task.net_rx_bytes),
            size(task.net_tx_bytes),
            size(task.disk_bytes),
        ]
        for task in sorted(chosen, key=order.get(sort_by, lambda t: (t.namespace, t.name)))
    ]
