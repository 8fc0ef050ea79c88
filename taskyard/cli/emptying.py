"""Waiting until what runs on nodes has gone: what `drain` and `maintenance` have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import click
import msgspec

from taskyard.cli.failure import Failed, note
from taskyard.cli.held import held_on
from taskyard.cli.listing import tell_of_outage
from taskyard.cli.progress import progress
from taskyard.client.api import Client
from taskyard.client.selection import Selection
from taskyard.client.views import TaskView
from taskyard.client.watch import Change, Patience
from taskyard.clock import SystemClock, parse_timestamp
from taskyard.objects import Taint, Toleration
from taskyard.quantity import format_duration
from taskyard.tolerations import patience

_THERE = ("Scheduled", "Starting", "Running", "Stopping", "Lost")
"""States of a task that its node has not finished with."""


def wait_until_empty(
    client: Client, names: list[str], taint: Taint, timeout: float, *, goes_on: str, until: str = ""
) -> None:
    """Each node in turn is told to be drained once nothing is left there that does not tolerate `taint` for ever.
    Failed after `timeout` seconds in all, with what is still there and what holds it; `goes_on` says that it is not
    over with that. `until`: when what is left is stopped whatever holds it; empty: never."""
    clock = SystemClock()
    deadline = clock.monotonic() + timeout
    for name in names:
        left = _wait_for(client, name, taint, Patience(deadline=deadline, on_break=tell_of_outage), until)
        if left:
            for label, text in left.items():
                note(f"{label}: {text}")
            raise Failed(
                f"node/{name} is not empty yet: {len(left)} of its tasks are still there",
                f"{goes_on}; see taskyard events, or wait longer with --timeout",
            )
        click.echo(f"node/{name} drained")


def _wait_for(client: Client, node: str, taint: Taint, waiting: Patience, until: str) -> Mapping[str, str]:
    """What is still there at the end, and how it is."""
    left: dict[str, TaskView] = {}
    with progress() as shown:

        def show() -> None:
            shown.show({f"node/{node}": lambda: _ahead(len(left), until, waiting.clock.now()), **_told(left, held)})

        with held_on(client, node, show) as held:
            for batch in client.watch_tasks(Selection(fields=f"status.node={node}"), waiting):
                for change in batch:
                    _note(left, change, taint)
                if not left:
                    break
                show()
            return _told(left, held)


def _note(left: dict[str, TaskView], change: Change[TaskView], taint: Taint) -> None:
    view = change.item.view
    gone = change.type == "DELETED" or view.status.state not in _THERE
    if gone or _stays(change.item.data(), taint):
        left.pop(_label(view), None)
    else:
        left[_label(view)] = view


def _label(view: TaskView) -> str:
    return f"{view.metadata.namespace}/{view.metadata.name}"


def _ahead(tasks: int, until: str, now: float) -> str:
    there = f"{tasks} task{'s' if tasks > 1 else ''} left"
    if not until:
        return there
    seconds = math.ceil(parse_timestamp(until) - now)
    ahead = f"to be stopped whatever holds it in {format_duration(seconds)}" if seconds > 0 else "the deadline is over"
    return f"{there}, {ahead}"


def _stays(task: dict[str, Any], taint: Taint) -> bool:
    tolerations = msgspec.convert(task["spec"].get("tolerations", []), list[Toleration])
    return patience(tolerations, taint) == math.inf


def _told(left: Mapping[str, TaskView], held: Mapping[str, str]) -> dict[str, str]:
    """What holds a task says its own status, or an event while it runs on."""
    return {label: _reason(view, held.get(label, "")) for label, view in sorted(left.items())}


def _reason(view: TaskView, held: str) -> str:
    said = view.status.message or (held if view.status.state == "Running" else "")
    return f"{view.status.state}{': ' if said else ''}{said}"
