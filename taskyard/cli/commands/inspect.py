"""`taskyard inspect`: what the container runtime says of a task's container."""

from __future__ import annotations

import click
import msgspec

from taskyard.cli import complete
from taskyard.cli.kinds import one_task
from taskyard.cli.session import Command, session


@click.command(cls=Command, namespaced=True)
@click.argument("task", shell_complete=complete.task_names)
@click.option("-p", "--previous", is_flag=True, help="Of the attempt before this one.")
def inspect(task: str, previous: bool) -> None:
    """All that Docker says of a task's container, as JSON. Values in its environment are masked on the node.

    \b
      taskyard inspect web
      taskyard inspect web -p         of the attempt before this one
    """
    current = session()
    name = one_task((task,), "inspect web")
    found = current.client().inspect(current.namespace_or_default(), name, previous=previous)
    click.echo(msgspec.json.format(found, indent=2))
