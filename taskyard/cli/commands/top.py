"""`taskyard top`: what nodes and tasks use now, as their agents measured it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import click
import msgspec

from taskyard.cli import complete
from taskyard.cli.age import age, cores, share, size
from taskyard.cli.failure import Failed, complain, note
from taskyard.cli.formats import json_text
from taskyard.cli.kinds import Kind, Target, read_targets
from taskyard.cli.refreshing import refresh
from taskyard.cli.session import Command, session
from taskyard.cli.table import Table
from taskyard.client.api import Client
from taskyard.client.selection import Selection
from taskyard.client.views import NodeUsage, StatsView, TaskUsageView
from taskyard.clock import SystemClock

NODE_COLUMNS = ("NAME", "CPU", "CPU%", "MEMORY", "MEMORY%", "DISK", "LOAD", "MEASURED")
TASK_COLUMNS = ("NAMESPACE", "NAME", "NODE", "CPU", "MEMORY", "RECEIVED", "SENT", "DISK")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of a kind: those of `names`, or with `labels`, or all; of tasks, an empty namespace is all of them."""

    kind: Kind
    names: tuple[str, ...] = ()
    labels: str = ""
    namespace: str = ""


@click.command(cls=Command, namespaced=True)
@click.argument("what", nargs=-1, metavar="[nodes|tasks] [NAME]...", shell_complete=complete.kinds_and_names)
@click.option("-A", "--all-namespaces", is_flag=True, help="Tasks of every namespace.")
@click.option("-l", "--selector", default="", metavar="SEL", help="Those with these labels: app=web,tier!=test.")
@click.option(
    "--sort-by",
    type=click.Choice(["name", "cpu", "memory"]),
    default="name",
    show_default=True,
    help="By name, or what takes most first.",
)
@click.option("-o", "--output", type=click.Choice(["json"]), help="For programs: a list, in the API's own units.")
@click.option("-w", "--watch", is_flag=True, help="Show it again every few seconds, until Ctrl-C.")
@click.option("--interval", type=click.FloatRange(1), default=5.0, metavar="SECONDS", help="With -w: how often (5).")
def top(
    what: tuple[str, ...],
    all_namespaces: bool,
    selector: str,
    sort_by: str,
    output: str | None,
    watch: bool,
    interval: float,
) -> None:
    """CPU (cores, 250m is a quarter of one) and memory (bytes, Ki, Mi, Gi) in use, by node or by task.

    \b
      taskyard top nodes
      taskyard top node n1                        or: top node/n1
      taskyard top tasks -A --sort-by memory      what takes most of it first
      taskyard top tasks -l app=web -w
      taskyard top tasks -o json

    Measured every 15 s; `stats` shows it over time.
    """
    current = session()
    client = current.client()
    wanted = _wanted(what, selector, "" if all_namespaces else current.namespace_or_default())
    missing: set[str] = set()

    def page() -> str:
        found = chosen(client.stats(), wanted, sort_by, _labelled(client, wanted))
        for name in sorted({*wanted.names} - {one.name for one in found} - missing):
            missing.add(name)
            complain(f"nothing is measured of {Target(wanted.kind, name)}: it is not there, or does not run")
        if not found and not wanted.names:
            note(f"no {wanted.kind.plural}{' that match' if wanted.labels else ''} report what they use")
        if output:
            return json_text([msgspec.to_builtins(one) for one in found])
        return table(found, wanted.kind, SystemClock().now())

    refresh(page, interval, again=watch)
    if missing:
        raise Failed()


def _wanted(words: tuple[str, ...], selector: str, namespace: str) -> Wanted:
    targets = read_targets(words) or [Target(Kind.NODE)]
    kinds = {target.kind for target in targets}
    if kinds not in ({Kind.NODE}, {Kind.TASK}):
        raise Failed("only nodes or tasks are measured", "use: taskyard top nodes, or: taskyard top tasks")
    names = tuple(dict.fromkeys(target.name for target in targets if target.name))
    if names and selector:
        raise Failed("a selector chooses among all, so it cannot be used together with names")
    return Wanted(kinds.pop(), names, selector, namespace)


def _labelled(client: Client, wanted: Wanted) -> Collection[tuple[str, str]] | None:
    """Namespace and name of those that the labels choose; None: no labels were asked for."""
    if not wanted.labels:
        return None
    if wanted.kind is Kind.NODE:
        return {("", item.view.metadata.name) for item in client.nodes(Selection(labels=wanted.labels)).items}
    found = client.tasks(Selection(wanted.namespace, wanted.labels)).items
    return {(item.view.metadata.namespace, item.view.metadata.name) for item in found}


def chosen(
    stats: StatsView, wanted: Wanted, sort_by: str, labelled: Collection[tuple[str, str]] | None
) -> list[NodeUsage] | list[TaskUsageView]:
    """In the order asked for."""
    if wanted.kind is Kind.NODE:
        nodes = {"cpu": lambda n: -n.usage.cpu_millis, "memory": lambda n: -n.usage.memory_bytes}
        measured = [
            node
            for node in stats.nodes
            if (not wanted.names or node.name in wanted.names) and (labelled is None or ("", node.name) in labelled)
        ]
        return sorted(measured, key=nodes.get(sort_by, lambda n: n.name))
    tasks = {"cpu": lambda t: -t.cpu_millis, "memory": lambda t: -t.memory_bytes}
    running = [
        task
        for task in stats.tasks
        if (not wanted.namespace or task.namespace == wanted.namespace)
        and (not wanted.names or task.name in wanted.names)
        and (labelled is None or (task.namespace, task.name) in labelled)
    ]
    return sorted(running, key=tasks.get(sort_by, lambda t: (t.namespace, t.name)))


def table(found: list[NodeUsage] | list[TaskUsageView], kind: Kind, now: float) -> str:
    rows = [node_row(one, now) if isinstance(one, NodeUsage) else task_row(one) for one in found]
    columns = NODE_COLUMNS if kind is Kind.NODE else TASK_COLUMNS
    return "\n".join(Table(columns).lines(rows)) if rows else ""


def node_row(node: NodeUsage, now: float) -> list[str]:
    return [
        node.name,
        cores(node.usage.cpu_millis),
        share(node.usage.cpu_millis, node.capacity.cpu_millis),
        size(node.usage.memory_bytes),
        share(node.usage.memory_bytes, node.capacity.memory_bytes),
        size(node.usage.disk_bytes),
        " ".join(f"{load:.2f}" for load in node.load),
        f"{age(node.at, now)} ago" if node.at else "-",
    ]


def task_row(task: TaskUsageView) -> list[str]:
    return [
        task.namespace,
        task.name,
        task.node,
        cores(task.cpu_millis),
        size(task.memory_bytes),
        size(task.net_rx_bytes),
        size(task.net_tx_bytes),
        size(task.disk_bytes),
    ]
