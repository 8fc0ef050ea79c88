"""`taskyard history`: every change of one object as far back as etcd remembers, and who made it."""

from __future__ import annotations

import sys

import click

from taskyard.cli import complete
from taskyard.cli.age import age
from taskyard.cli.failure import Failed, note
from taskyard.cli.formats import json_text, yaml_text
from taskyard.cli.kinds import DECLARED, one_target
from taskyard.cli.session import Command, session
from taskyard.cli.table import Table, colour_wanted, painted
from taskyard.cli.unified import colour_of, field_lines
from taskyard.client.past_views import PastView
from taskyard.clock import SystemClock


@click.command(cls=Command, namespaced=True)
@click.argument("what", nargs=-1, required=True, metavar="[KIND] NAME", shell_complete=complete.kinds_and_names)
@click.option("--changes", "fields", is_flag=True, help="Also what each change changed, field by field.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, metavar="N", help="The newest so many (100).")
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="For programs.")
def history(what: tuple[str, ...], fields: bool, limit: int, output: str | None) -> None:
    """Every change of one object: when, by whom, and with --changes field by field.

    \b
      taskyard history service/web --changes
      taskyard history task/web           with where it was bound, and what its node said of it
      taskyard history secret/db          also of one that was deleted
      taskyard history node/n1

    It goes back as far as etcd's history does (taskyard controlplane --history). What was there at a revision:
    taskyard get KIND/NAME --at REVISION. To declare it so again: taskyard undo KIND/NAME --to REVISION.
    """
    current = session()
    target = one_target(what, "history service/web")
    if target.kind not in DECLARED:
        raise Failed(f"{target} has no history", "events tell what happened: taskyard events --for task/web")
    found = current.client().history(target.kind.names, current.namespace_or_default(), target.name, limit)
    if output == "json":
        click.echo(json_text(found.data()))
    elif output == "yaml":
        click.echo(yaml_text([found.data()]), nl=False)
    else:
        click.echo("\n".join(_lines(found.view, SystemClock().now(), fields=fields, colour=colour_wanted(sys.stdout))))
        if found.view.left_out:
            note(f"{found.view.left_out} older changes are not shown: --limit")


def _lines(found: PastView, now: float, *, fields: bool, colour: bool) -> list[str]:
    rows = [
        [str(step.revision), age(step.at, now) if step.at else "", step.what, step.by, step.why] for step in found.steps
    ]
    lines = Table(["REVISION", "AGE", "WHAT", "BY", "WHY"]).lines(rows)
    if not fields:
        return lines
    told = lines[:1]
    for step, line in zip(found.steps, lines[1:], strict=True):
        told.append(line)
        changes = step.changes if step.what != "created" else ()
        told += [f"  {painted(each, colour_of(each), colour)}" for change in changes for each in field_lines(change)]
    return told
