"""`taskyard drain`: places nothing new on nodes, drives what runs there elsewhere, and waits until it has gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from taskyard.cli import complete
from taskyard.cli.commands.node import DRAIN, changed_taints, node_names, set_node
from taskyard.cli.failure import Failed, note
from taskyard.cli.listing import tell_of_outage
from taskyard.cli.options import wait_timeout
from taskyard.cli.progress import progress
from taskyard.cli.session import Command, session
from taskyard.client.api import Client, Selection
from taskyard.client.views import TaskView
from taskyard.client.watch import Patience
from taskyard.clock import SystemClock

_THERE = ("Scheduled", "Starting", "Running", "Stopping", "Lost")
"""States of a task that its node has not finished with."""


@click.command(cls=Command)
@click.argument("nodes", nargs=-1, required=True, metavar="NODE...", shell_complete=complete.node_names)
@click.option("--wait/--no-wait", default=True, help="Wait until all has gone (the default), or only ask for it.")
@wait_timeout("10m")
def drain(nodes: tuple[str, ...], wait: bool, timeout: float) -> None:
    """Empty nodes, for maintenance: nothing new is placed there, and what runs there goes elsewhere.

    \b
      taskyard drain n1
      taskyard drain n1 n2 --timeout 1h
      taskyard uncordon n1              undoes it

    Each task is stopped as its spec says and placed on another node. Where fewer than `minAvailable` of its kind would
    be left running it stays until another runs; a job's task that is to run at most once is left to its end. What
    tolerates the taint taskyard/drain:NoExecute stays. Ctrl-C and the timeout end the wait, not the drain.
    """
    client = session().client()
    names = node_names(nodes, "drain n1")
    for name in names:
        before = client.node(name).view
        taints = changed_taints(list(before.spec.taints), f"{DRAIN}:NoExecute")
        set_node(client, before, {"cordoned": True, "taints": taints}, "draining")
    if wait:
        _wait(client, names, timeout)


def _wait(client: Client, names: list[str], timeout: float) -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + timeout
    for name in names:
        left: dict[str, TaskView] = {}
        selection = Selection(fields=f"status.node={name}")
        with progress() as shown:
            patience = Patience(clock=clock, deadline=deadline, on_break=tell_of_outage)
            for batch in client.watch_tasks(selection, patience):
                for change in batch:
                    view = change.item.view
                    label = f"{view.metadata.namespace}/{view.metadata.name}"
                    if change.type == "DELETED" or view.status.state not in _THERE or _tolerates(change.item.data()):
                        left.pop(label, None)
                    else:
                        left[label] = view
                if not left:
                    break
                shown.show(_told(left))
        if left:
            for label, text in _told(left).items():
                note(f"{label}: {text}")
            raise Failed(
                f"node/{name} is not empty yet: {len(left)} of its tasks are still there",
                "it goes on being drained; see taskyard events, or wait longer with --timeout",
            )
        click.echo(f"node/{name} drained")


def _tolerates(task: dict[str, Any]) -> bool:
    """As controlplane/evictions has it: for ever, and so it stays."""
    return any(
        each.get("key", "") in ("", DRAIN)
        and each.get("effect", "") in ("", "NoExecute")
        and (each.get("operator") == "Exists" or each.get("value", "") == "")
        and "tolerationSeconds" not in each
        for each in task["spec"].get("tolerations", ())
    )


def _told(left: Mapping[str, TaskView]) -> dict[str, str]:
    return {label: f"{view.status.state}{_reason(view)}" for label, view in sorted(left.items())}


def _reason(view: TaskView) -> str:
    return f": {view.status.message}" if view.status.message else ""
