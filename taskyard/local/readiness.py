"""Waiting for each part to come up, watching its process meanwhile: one that keeps ending is reported at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from taskyard.client.api import Client
from taskyard.client.errors import ClientError
from taskyard.local.errors import LocalError
from taskyard.local.state import ChildReport, StateFolder

_GIVE_UP_AFTER = 4
"""Ends in a row."""


def wait_until(what: str, ready: Callable[[], bool], folder: StateFolder, child: str, timeout: float) -> None:
    """Until the child runs and is `ready`: a dead agent's lease, for one, looks ready for a while.

    LocalError, with the end of the child's log, when it ends again and again or the time is up.
    """
    deadline = time.monotonic() + timeout
    while True:
        known = report_of(folder, child)
        if known is not None and known.process is not None and known.process.alive() and ready():
            return
        if known is not None and known.process is None and known.failures >= _GIVE_UP_AFTER:
            raise LocalError(
                f"{child} ended {known.failures} times in a row ({known.last_exit})", log=log_of(folder, child)
            )
        if folder.supervisor() is None:
            raise LocalError("the supervisor has ended", log=log_of(folder, "supervisor"))
        if time.monotonic() > deadline:
            raise LocalError(f"{what} was not ready within {timeout:.0f} s", log=log_of(folder, child))
        time.sleep(0.1)


def report_of(folder: StateFolder, child: str) -> ChildReport | None:
    report = folder.report()
    return next((known for known in report.children if known.name == child), None) if report is not None else None


def log_of(folder: StateFolder, child: str) -> Path:
    return folder.logs / f"{child}.log"


def api_ready(client: Client) -> bool:
    """Whether the control plane answers and has read the store."""
    try:
        client.nodes()
    except ClientError:
        return False
    return True


def node_ready(client: Client, node: str) -> bool:
    try:
        return client.node(node).view.status.ready
    except ClientError:
        return False
