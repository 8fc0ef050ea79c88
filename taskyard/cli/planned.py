"""A plan that was kept in a file, applied: just what it says, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from taskyard.cli.failure import Failed
from taskyard.client.api import Client
from taskyard.client.errors import Conflict
from taskyard.client.plan_views import PlanDone, PlanView

_STALE = ("urn:taskyard:problem:Stale", "urn:taskyard:problem:PreconditionFailed")


class Stale(Failed):
    """What has changed since was said, line by line."""


def plan_in(names: Sequence[str]) -> Path | None:
    """The file, when that is all that is named and a plan is in it."""
    path = Path(names[0]) if len(names) == 1 else None
    if path is None or not path.is_file():
        return None
    try:
        found = msgspec.json.decode(path.read_bytes(), type=PlanView)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return path if found.kind == "Plan" else None


def apply_plan(client: Client, path: Path) -> PlanDone:
    """Raises Stale when the plan would not do any more what it says."""
    try:
        return client.apply_plan(path.read_bytes())
    except Conflict as error:
        if error.problem.type not in _STALE:
            raise
        for violation in error.problem.violations:
            click.echo(f"changed: {violation.message}", err=True)
        raise Stale(str(error), f"plan again: taskyard plan -f ... -o {path}") from error
