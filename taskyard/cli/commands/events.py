"""`taskyard events`: what happened in the last hour, to what, and why."""

from __future__ import annotations

import click

from taskyard.cli import complete
from taskyard.cli.failure import note
from taskyard.cli.kinds import one_target
from taskyard.cli.listing import OUTPUTS, Manner, follow, show
from taskyard.cli.session import Command, session
from taskyard.cli.shelf import events as shelf_of_events
from taskyard.client.api import Selection
from taskyard.clock import SystemClock


@click.command(cls=Command, namespaced=True)
@click.option("--for", "about", metavar="KIND/NAME", shell_complete=complete.objects, help="Only of this: task/web.")
@click.option("-w", "--watch", is_flag=True, help="Go on with each new one, until Ctrl-C.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Of every namespace, and of the nodes.")
@click.option("-o", "--output", type=click.Choice(OUTPUTS), help="More columns, or a form for programs.")
@click.option("--no-headers", is_flag=True, help="Leave the table's header out.")
def events(about: str | None, watch: bool, all_namespaces: bool, output: str | None, no_headers: bool) -> None:
    """What happened lately. The server keeps events for an hour."""
    current = session()
    namespace = "" if all_namespaces else current.namespace_or_default()
    wanted = ("", "")
    if about:
        target = one_target([about], "events --for task/web")
        wanted = (target.kind.capitalize(), target.name)
        if not target.kind.namespaced:
            namespace = ""
    shelf = shelf_of_events(current.client(), wanted)
    manner = Manner(output or "", all_namespaces, not no_headers)
    if watch:
        follow(shelf, Selection(namespace), manner, SystemClock(), frozenset())
        return
    found = shelf.find(Selection(namespace)).items
    show([(shelf, found)], manner, SystemClock().now(), single=False)
    if not found:
        note(f"there are no events{f' about {about}' if about else ''} of the last hour")
