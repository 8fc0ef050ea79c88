"""`taskyard describe`: all about one object, with its events."""

from __future__ import annotations

import sys

import click

from taskyard.cli import complete
from taskyard.cli.failure import Failed, complain
from taskyard.cli.kinds import OBJECTS, Kind, Target, read_targets
from taskyard.cli.options import as_of
from taskyard.cli.rows import next_due
from taskyard.cli.session import Command, session
from taskyard.cli.story import node_story, object_story, task_story
from taskyard.cli.table import colour_wanted, terminal_width
from taskyard.client.api import Client
from taskyard.client.errors import NotFound
from taskyard.client.selection import EventSelection, Selection
from taskyard.client.views import EventView, TaskView
from taskyard.clock import SystemClock


@click.command(cls=Command, namespaced=True)
@click.argument("what", nargs=-1, metavar="[KIND] NAME...", shell_complete=complete.kinds_and_names)
@click.option("-l", "--selector", default="", metavar="SEL", help="All with these labels: app=web,tier!=test.")
@as_of
def describe(what: tuple[str, ...], selector: str, moment: str | None) -> None:
    """All about a task (spec, state and why, ports, last exit, events), a node, or any other object.

    \b
      taskyard describe task/web          or: describe web
      taskyard describe node/n1
      taskyard describe -l app=web        all tasks with that label; of another kind: describe services -l app=web
      taskyard describe web --at 10m      as it was ten minutes ago; events are those of now
    """
    if not what and not selector:
        raise click.UsageError("name what to describe: taskyard describe task/web, or choose by label: -l app=web")
    targets = read_targets(what) or [Target(Kind.TASK)]
    if selector and any(target.name for target in targets):
        raise Failed("a selector chooses among all, so it cannot be used together with names")
    current = session()
    client = current.client(at=moment)
    missing = False
    named = _named(client, targets, Selection(current.namespace_or_default(), selector))
    if selector and not named:
        kinds, where = " or ".join(target.kind.plural for target in targets), current.namespace_or_default()
        inside = f" in namespace '{where}'" if any(target.kind.namespaced for target in targets) else ""
        raise Failed(f"there are no {kinds} with {selector}{inside}")
    for index, target in enumerate(named):
        try:
            lines = _story(client, target, current.namespace_or_default())
        except NotFound as error:
            missing = True
            complain(str(error), error.hint)
            continue
        click.echo(("\n" if index else "") + "\n".join(lines))
    if missing:
        raise Failed()


def _named(client: Client, targets: list[Target], selection: Selection) -> list[Target]:
    """A kind alone stands for all of it that the selection chooses."""
    named: list[Target] = []
    for target in targets:
        if target.name:
            named.append(target)
        elif target.kind is Kind.NODE:
            named += [Target(Kind.NODE, item.view.metadata.name) for item in client.nodes(selection).items]
        elif target.kind in OBJECTS:
            listed = client.objects(target.kind.names, selection).items
            named += [Target(target.kind, item.view.metadata.name) for item in listed]
    return named


def _story(client: Client, target: Target, namespace: str) -> list[str]:
    now = SystemClock().now()
    colour = colour_wanted(sys.stdout)
    if target.kind is Kind.TASK:
        from taskyard.manifest import to_yaml

        item = client.task(namespace, target.name)
        metadata = item.view.metadata
        told = _told(client, metadata.namespace, "Task", metadata.name)
        events = [event for event in told if event.about.uid in ("", metadata.uid)]
        spec = to_yaml(item.data()["spec"])
        host = _host(client, item.view)
        return task_story(item.view, spec, events, now, node_host=host, width=terminal_width(), colour=colour)
    if target.kind is Kind.NODE:
        node = client.node(target.name).view
        tasks = client.tasks(Selection(fields=f"status.node={target.name}")).items
        told = _told(client, "", "Node", target.name)
        return node_story(node, [item.view for item in tasks], told, now, width=terminal_width(), colour=colour)
    if target.kind in OBJECTS:
        from taskyard.manifest import to_yaml

        found = client.object(target.kind.names, namespace, target.name)
        metadata, data = found.view.metadata, found.data()
        told = _told(client, metadata.namespace, target.kind.names.kind, metadata.name)
        events = [e for e in told if e.about.uid in ("", metadata.uid) or e.about.name != metadata.name]
        status = {field: value for field, value in (data.get("status") or {}).items() if value not in ("", None)}
        if target.kind is Kind.CRON:
            status["next"] = next_due(found.view, now)
        parts = {name: to_yaml(part) for name, part in (("spec", data.get("spec")), ("status", status)) if part}
        inside = target.kind.namespaced
        return object_story(found.view, parts, events, now, namespaced=inside, width=terminal_width(), colour=colour)
    raise Failed("events cannot be described", "for one object's: taskyard events --for task/web")


def _told(client: Client, namespace: str, kind: str, name: str) -> list[EventView]:
    """What happened to it, and to what it owns or runs."""
    return [event.view for event in client.events(EventSelection(namespace, kind, name, owned=True)).items]


def _host(client: Client, task: TaskView) -> str:
    """The host at which the task's node is reached; empty while it has none, or no port that needs it."""
    if not task.status.node or all(port.address for port in task.status.ports):
        return ""
    try:
        return client.node(task.status.node).view.status.address.rpartition(":")[0]
    except NotFound:
        return ""
