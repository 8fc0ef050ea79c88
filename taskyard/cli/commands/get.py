"""`taskyard get`: objects as a table, JSON, YAML or names; once, or at each change."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from taskyard.cli import complete
from taskyard.cli.failure import Failed, complain, note
from taskyard.cli.kinds import Kind, Target, read_targets
from taskyard.cli.listing import OUTPUTS, Manner, follow, show
from taskyard.cli.options import as_of
from taskyard.cli.session import Command, session
from taskyard.cli.shelf import Shelf, autoscalers, shelf
from taskyard.cli.unknown import unknown
from taskyard.client.api import Client
from taskyard.client.errors import NotFound
from taskyard.client.selection import Selection
from taskyard.client.watch import Item
from taskyard.clock import SystemClock

_AUTOSCALE = ("autoscale", "autoscaler", "autoscalers", "hpa")
"""In the place of a kind: services that are autoscaled, with other columns."""
Found = list[tuple[Shelf[Any], list[Item[Any]]]]


@click.command(cls=Command, namespaced=True)
@click.argument("what", nargs=-1, metavar="[KIND] [NAME]...", shell_complete=complete.kinds_and_names)
@click.option("-o", "--output", type=click.Choice(OUTPUTS), help="More columns, or a form for programs.")
@click.option("-w", "--watch", is_flag=True, help="Go on, showing each change, until Ctrl-C.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Of every namespace.")
@click.option("-l", "--selector", default="", metavar="SEL", help="By labels: app=web,tier!=test.")
@click.option("--field-selector", default="", metavar="SEL", help="By fields: status.state=Running,status.node=n1.")
@as_of
@click.option("--no-headers", is_flag=True, help="Leave the table's header out.")
def get(
    what: tuple[str, ...],
    output: str | None,
    watch: bool,
    all_namespaces: bool,
    selector: str,
    field_selector: str,
    moment: str | None,
    no_headers: bool,
) -> None:
    """List tasks, or objects of another kind: services, jobs, crons, nodes, events and so on.

    \b
      taskyard get                        the tasks of the namespace
      taskyard get task/web -o yaml       one, as a manifest that can be applied again
      taskyard get tasks -A -l app=web    of every namespace, by label
      taskyard get nodes -o wide
      taskyard get tasks -w               every change as it happens
      taskyard get tasks --at 10m         as they were ten minutes ago
      taskyard get autoscale              what autoscaled services go by, and how many tasks they have for it
    """
    current = session()
    place_of: Callable[[Client, Kind], Shelf[Any]] = shelf
    if what and what[0].lower() in _AUTOSCALE:
        what, place_of = (Kind.SERVICE.plural, *what[1:]), lambda client, _: autoscalers(client)
    targets = read_targets(what) or [Target(Kind.TASK)]
    by_name = [target for target in targets if target.name]
    if by_name and (selector or field_selector):
        raise Failed("a selector chooses among all, so it cannot be used together with names")
    if field_selector and any(target.kind in (Kind.NODE, Kind.EVENT) for target in targets):
        raise Failed("nodes and events cannot be selected by fields")
    selection = Selection("" if all_namespaces else current.namespace_or_default(), selector, field_selector)
    manner = Manner(output or "", all_namespaces, not no_headers)
    if moment and (watch or any(target.kind is Kind.EVENT for target in targets)):
        raise Failed("--at shows objects as they were: it goes neither with --watch nor with events")
    client = current.client(at=moment)
    if watch:
        kinds = {target.kind for target in targets}
        if len(kinds) > 1:
            raise Failed("only one kind can be watched at a time")
        follow(place_of(client, kinds.pop()), selection, manner, SystemClock(), frozenset(t.name for t in by_name))
        return
    found, missing = _find(partial(place_of, client), targets, selection, current.namespace_or_default())
    show(found, manner, SystemClock().now(), single=len(by_name) == 1 and len(targets) == 1)
    if not by_name and not any(items for _, items in found):
        note(_nothing(client, targets, selection))
    if missing:
        raise Failed()


def _find(
    place_of: Callable[[Kind], Shelf[Any]], targets: list[Target], selection: Selection, namespace: str
) -> tuple[Found, bool]:
    """What is there, kind by kind; whether something that was named is not (each of those was complained about)."""
    found: Found = []
    missing = False
    for kind in dict.fromkeys(target.kind for target in targets):
        place = place_of(kind)
        items: list[Item[Any]] = []
        for target in targets:
            if target.kind is not kind:
                continue
            try:
                items += [place.fetch(namespace, target.name)] if target.name else place.find(selection).items
            except NotFound as error:
                missing = True
                complain(str(error), error.hint)
        found.append((place, items))
    return found, missing


def _nothing(client: Client, targets: list[Target], selection: Selection) -> str:
    kinds = " or ".join(target.kind.plural for target in targets)
    chosen = " that match" if selection.labels or selection.fields else ""
    where = f" in namespace '{selection.namespace}'" if selection.namespace and targets[0].kind.namespaced else ""
    return f"there are no {kinds}{chosen}{where}{unknown(client, selection.namespace) if where else ''}"
