"""`taskyard why`: what keeps a task off the nodes, or why it is where it is, and what it waits for."""

from __future__ import annotations

import sys
from typing import Any

import click

from taskyard.cli import complete
from taskyard.cli.failure import Failed
from taskyard.cli.formats import json_text, yaml_text
from taskyard.cli.kinds import Kind, Target, find_kind, one_target
from taskyard.cli.reasons import node_reasons, task_reasons
from taskyard.cli.session import Command, session
from taskyard.cli.table import colour_wanted


@click.command(cls=Command, namespaced=True)
@click.argument("what", nargs=-1, required=True, metavar="TASK|node/NAME", shell_complete=complete.kinds_and_names)
@click.option("--node", metavar="NODE", shell_complete=complete.node_names, help="What this one node says to the task.")
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="All of it, for programs.")
def why(what: tuple[str, ...], node: str | None, output: str | None) -> None:
    """Why a task waits, or is where it is; or what a node would take.

    \b
      taskyard why web                what each node says, and the smallest change that would help
      taskyard why web --node n3      all that is in the way on one node
      taskyard why node/n3            what the node takes, and which waiting tasks it refuses

    For a task that is placed: the scores as they were when it was bound, from the store's history.
    """
    target = _target(what)
    current = session()
    client = current.client()
    colour = colour_wanted(sys.stdout)
    if target.kind is Kind.NODE:
        if node:
            raise Failed("--node is for a task", f"for example: taskyard why web --node {target.name}")
        about = client.why_node(target.name)
        _print(output, about.data(), node_reasons(about.view, colour=colour))
    else:
        found = client.why(current.namespace_or_default(), target.name, node or "")
        _print(output, found.data(), task_reasons(found.view, one_node=bool(node), colour=colour))


def _target(what: tuple[str, ...]) -> Target:
    """A word alone is a task, whatever it says: `why node` is about a task called so."""
    if len(what) == 1 and "/" not in what[0] and find_kind(what[0]):
        return Target(Kind.TASK, what[0])
    target = one_target(what, "why web")
    if target.kind not in (Kind.TASK, Kind.NODE):
        raise Failed(f"`why` is about tasks and nodes, and {target} is neither", _instead(target))
    return target


def _instead(target: Target) -> str:
    """What to type for a kind that is not placed by itself."""
    tasks = f"why each of its tasks is where it is: taskyard get tasks -l taskyard/{target.kind}={target.name}"
    if target.kind is Kind.SERVICE:
        return f"how far it is: taskyard rollout status {target.name} --no-wait; {tasks}, then taskyard why TASK"
    if target.kind is Kind.JOB:
        return f"how far it is: taskyard job status {target.name} --no-wait; {tasks}, then taskyard why TASK"
    return f"all about it: taskyard describe {target}"


def _print(output: str | None, data: Any, lines: list[str]) -> None:
    if output == "json":
        click.echo(json_text(data))
    elif output == "yaml":
        click.echo(yaml_text([data]), nl=False)
    else:
        click.echo("\n".join(lines))
