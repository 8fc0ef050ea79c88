"""`taskyard events`: what happened in the last hour, to what, and why."""

from __future__ import annotations

from dataclasses import replace

import click

from taskyard.cli import complete
from taskyard.cli.failure import note
from taskyard.cli.kinds import one_target
from taskyard.cli.listing import OUTPUTS, Manner, follow, show
from taskyard.cli.options import Duration
from taskyard.cli.session import Command, session
from taskyard.cli.shelf import events as shelf_of_events
from taskyard.cli.unknown import unknown
from taskyard.client.selection import EventSelection, Selection
from taskyard.clock import SystemClock, timestamp
from taskyard.quantity import format_duration

TYPES = ("Normal", "Warning")


@click.command(cls=Command, namespaced=True)
@click.option(
    "--for",
    "about",
    metavar="KIND/NAME",
    shell_complete=complete.objects,
    help="Only of this, and of what it owns or runs: task/web, service/shop, node/n1.",
)
@click.option("--types", metavar="TYPE", type=click.Choice(TYPES, case_sensitive=False), help="Only Normal or Warning.")
@click.option("--since", type=Duration(), metavar="TIME", help="Only what happened in the last 5m, 90s, ....")
@click.option("-w", "--watch", is_flag=True, help="Go on with each new one, until Ctrl-C.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Of every namespace, and of the nodes.")
@click.option("-o", "--output", type=click.Choice(OUTPUTS), help="More columns, or a form for programs.")
@click.option("--no-headers", is_flag=True, help="Leave the table's header out.")
def events(
    about: str | None,
    types: str | None,
    since: float | None,
    watch: bool,
    all_namespaces: bool,
    output: str | None,
    no_headers: bool,
) -> None:
    """What happened lately. The server keeps events for an hour.

    \b
      taskyard events --for service/shop      of the service and of its tasks
      taskyard events -A --types Warning -w   what goes wrong anywhere, as it happens
      taskyard events --since 5m -o json
    """
    current, clock = session(), SystemClock()
    namespace = "" if all_namespaces else current.namespace_or_default()
    wanted = EventSelection(type=types or "", since="" if since is None else timestamp(clock.now() - since))
    target = None
    if about:
        target = one_target([about], "events --for task/web")
        wanted = replace(wanted, kind=target.kind.capitalize(), name=target.name, owned=True)
        if not target.kind.namespaced:
            namespace = ""
    client = current.client()
    shelf = shelf_of_events(client, wanted)
    manner = Manner(output or "", all_namespaces, not no_headers)
    if watch:
        follow(shelf, Selection(namespace), manner, clock, frozenset())
        return
    found = shelf.find(Selection(namespace)).items
    show([(shelf, found)], manner, clock.now(), single=False)
    if not found:
        asked = [types.capitalize()] if types else []
        time = f"last {format_duration(since)}" if since is not None else "last hour"
        where = f" in namespace '{namespace}'{nowhere}" if (nowhere := unknown(client, namespace)) else ""
        note(f"there are no {' '.join([*asked, 'events'])}{f' about {target}' if target else ''} of the {time}{where}")
