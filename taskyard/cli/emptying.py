"""Waiting until what runs on nodes has gone: what `drain` and `maintenance` have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import click
import msgspec

from taskyard.cli.failure import Failed, note
from taskyard.cli.listing import tell_of_outage
from taskyard.cli.progress import progress
from taskyard.client.api import Client
from taskyard.client.selection import Selection
from taskyard.client.views import TaskView
from taskyard.client.watch import Patience
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
    Failed after `timeout` seconds in all, with what is still there; `goes_on` says that it is not over with that.
    `until`: when what is left is stopped whatever holds it; empty: never."""
    clock = SystemClock()
    deadline = clock.monotonic() + timeout
    for name in names:
        left: dict[str, TaskView] = {}
        selection = Selection(fields=f"status.node={name}")
        with progress() as shown:
            waiting = Patience(clock=clock, deadline=deadline, on_break=tell_of_outage)
            for batch in client.watch_tasks(selection, waiting):
                for change in batch:
                    view = change.item.view
                    label = f"{view.metadata.namespace}/{view.metadata.name}"
                    gone = change.type == "DELETED" or view.status.state not in _THERE
                    if gone or _stays(change.item.data(), taint):
                        left.pop(label, None)
                    else:
                        left[label] = view
                if not left:
                    break
                shown.show({f"node/{name}": _ahead(len(left), until, clock.now()), **_told(left)})
        if left:
            for label, text in _told(left).items():
                note(f"{label}: {text}")
            raise Failed(
                f"node/{name} is not empty yet: {len(left)} of its tasks are still there",
                f"{goes_on}; see taskyard events, or wait longer with --timeout",
            )
        click.echo(f"node/{name} drained")


def _ahead(tasks: int, until: str, now: float) -> str:
    there = f"{tasks} task{'s' if tasks > 1 else ''} left"
    if not until:
        return there
    seconds = math.ceil(parse_timestamp(until) - now)
    return f"{there}, to be stopped whatever holds it {f'in {format_duration(seconds)}' if seconds > 0 else 'now'}"


def _stays(task: dict[str, Any], taint: Taint) -> bool:
    tolerations = msgspec.convert(task["spec"].get("tolerations", []), list[Toleration])
    return patience(tolerations, taint) == math.inf


def _told(left: Mapping[str, TaskView]) -> dict[str, str]:
    return {label: f"{view.status.state}{_reason(view)}" for label, view in sorted(left.items())}


def _reason(view: TaskView) -> str:
    return f": {view.status.message}" if view.status.message else ""
