"""The last step of `up`: the manifests' tasks on their way to Running, as a live table, or a line for each change.

What counts as running is taskyard/cli/waiting.py's decision, the cells are taskyard/cli/rows.py's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.live import Live
from rich.table import Table

from taskyard.cli.rows import ports
from taskyard.cli.waiting import Awaited, Verdict, judge_running
from taskyard.client.api import Client
from taskyard.client.errors import ClientError
from taskyard.client.views import TaskView

_COLOURS = {"Running": "green", "Completed": "blue", "Failed": "red", "Lost": "red"}
_EVERY = 0.2

Tasks = dict[str, TaskView | None]
Show = Callable[[Tasks, dict[str, Verdict]], None]


def watch_tasks(client: Client, awaited: Sequence[Awaited], console: Console, timeout: float) -> dict[str, Verdict]:
    """Until all are settled or the time is up; the last verdict on each, by label."""
    deadline = time.monotonic() + timeout
    if console.is_terminal:
        with Live(console=console, refresh_per_second=8) as live:
            return _follow(client, awaited, deadline, lambda tasks, _: live.update(_table(awaited, tasks)))
    said: dict[str, str] = {}

    def say(_: Tasks, verdicts: dict[str, Verdict]) -> None:
        for label, verdict in verdicts.items():
            if said.get(label) != verdict.text:
                console.print(f"  {label}: {verdict.text}", markup=False)
                said[label] = verdict.text

    return _follow(client, awaited, deadline, say)


def _follow(client: Client, awaited: Sequence[Awaited], deadline: float, show: Show) -> dict[str, Verdict]:
    verdicts: dict[str, Verdict] = {}
    while True:
        tasks = _look(client, awaited)
        verdicts = {
            one.label: judge_running(one, tasks[one.label]) for one in awaited if one.label in tasks
        } or verdicts
        show(tasks, verdicts)
        settled = len(verdicts) == len(awaited) and all(verdict.settled for verdict in verdicts.values())
        if settled or time.monotonic() > deadline:
            return verdicts
        time.sleep(_EVERY)


def _look(client: Client, awaited: Sequence[Awaited]) -> Tasks:
    """Each awaited task as it is, None where there is none; empty while the API does not answer."""
    try:
        found = [item.view for item in client.tasks().items]
    except ClientError:
        return {}
    by_key = {(task.metadata.namespace, task.metadata.name): task for task in found}
    return {one.label: by_key.get((one.namespace, one.name)) for one in awaited}


def _table(awaited: Sequence[Awaited], tasks: Tasks) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in ("TASK", "STATE", "NODE", "PORTS", "WHY"):
        table.add_column(column, header_style="bold", overflow="fold" if column == "WHY" else "ellipsis")
    for one in awaited:
        task = tasks.get(one.label)
        status = task.status if task else None
        state = status.state if status else "Pending"
        why = (status.message or status.reason) if status and state != "Running" else ""
        cells = [one.name, f"[{_COLOURS.get(state, 'yellow')}]{state}[/]", (status.node if status else "") or "-"]
        table.add_row(*cells, (ports(task) if task else "") or "-", why)
    return table
