"""`taskyard stats`: what tasks and nodes used over the last quarter of an hour, as a line of bars each."""

from __future__ import annotations

import click

from taskyard.cli import complete
from taskyard.cli.age import cores, size
from taskyard.cli.failure import Failed
from taskyard.cli.kinds import Kind, Target, read_targets
from taskyard.cli.refreshing import refresh
from taskyard.cli.session import Command, session
from taskyard.cli.sparkline import sparkline
from taskyard.cli.table import Table
from taskyard.client.api import Client
from taskyard.client.views import SampleView

COLUMNS = ("NAME", "CPU", "MOST", "CPU OVER TIME", "MEMORY", "MOST", "MEMORY OVER TIME", "RECEIVED", "SENT")


@click.command(cls=Command, namespaced=True)
@click.argument("what", nargs=-1, required=True, metavar="[KIND] NAME...", shell_complete=complete.objects)
@click.option("-w", "--watch", is_flag=True, help="Show it again every few seconds, until Ctrl-C.")
@click.option("--interval", type=click.FloatRange(1), default=5.0, metavar="SECONDS", help="With -w: how often (5).")
def stats(what: tuple[str, ...], watch: bool, interval: float) -> None:
    """CPU, memory and network of tasks and nodes over the last quarter of an hour.

    \b
      taskyard stats web db
      taskyard stats node/n1 -w

    Measured every 15 s and kept by the agents, in memory: what an agent that was restarted knew is gone.
    """
    current = session()
    client, namespace = current.client(), current.namespace_or_default()
    targets = read_targets(what)
    if any(target.kind not in (Kind.TASK, Kind.NODE) or not target.name for target in targets):
        raise Failed("name tasks or nodes", "for example: taskyard stats web node/n1")

    def page() -> str:
        rows = [row(str(target), samples(client, namespace, target)) for target in targets]
        return "\n".join(Table(COLUMNS).lines(rows))

    refresh(page, interval, again=watch)


def samples(client: Client, namespace: str, target: Target) -> list[SampleView]:
    if target.kind is Kind.NODE:
        return client.node_stats(target.name).samples
    return client.task_stats(namespace, target.name).samples


def row(label: str, found: list[SampleView]) -> list[str]:
    if not found:
        return [label, *[""] * (len(COLUMNS) - 1)]
    last = found[-1]
    cpu = [sample.cpu_millis for sample in found]
    memory = [sample.memory_bytes for sample in found]
    return [
        *(label, cores(last.cpu_millis), cores(max(cpu)), sparkline(cpu)),
        *(size(last.memory_bytes), size(max(memory)), sparkline(memory)),
        *(size(last.net_rx_bytes), size(last.net_tx_bytes)),
    ]
