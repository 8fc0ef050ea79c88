"""`taskyard replay`: what was decided over a stretch of history, decided again, and where it comes out differently."""

from __future__ import annotations

import click

from taskyard.cli.exits import Exit
from taskyard.cli.formats import json_text, yaml_text
from taskyard.cli.options import Moment
from taskyard.cli.session import Command, session
from taskyard.cli.table import Table
from taskyard.client.replay_views import ReplayView


@click.command(cls=Command)
@click.option("--from", "start", type=Moment(), metavar="REV|TIME|AGO", help="Where to begin (1042, 10m).")
@click.option("--to", "end", type=Moment(), metavar="REV|TIME|AGO", help="Where to end (now).")
@click.option("--policy", type=click.Choice(["spread", "binpack"]), help="Another than the cluster's.")
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="For programs.")
def replay(start: str | None, end: str | None, policy: str | None, output: str | None) -> int:
    """Decide again what was decided, with this or another policy, and show where it differs.

    \b
      taskyard replay --from 10m                       the last ten minutes
      taskyard replay --from 1042 --to 2000            between two revisions of the store
      taskyard replay --from 1h --policy binpack       what the other policy would have done

    Each binding is decided again on the state of the cluster just before it. It goes back as far as etcd's history
    does. Exits 2 when anything differs.
    """
    found = session().client().replay(start or "", end or "", policy or "")
    if output == "json":
        click.echo(json_text(found.data()))
    elif output == "yaml":
        click.echo(yaml_text([found.data()]), nl=False)
    else:
        click.echo("\n".join(replay_lines(found.view)))
    return Exit.CHANGES if found.view.differ else Exit.DONE


def replay_lines(found: ReplayView) -> list[str]:
    rows = [
        [str(each.revision), each.at, each.namespace, each.name, each.then, each.now or "none"] for each in found.differ
    ]
    columns = ["REVISION", "AT", "NAMESPACE", "NAME", "THEN", "NOW"]
    lines = [*Table(columns, colour=False).lines(rows), ""] if rows else []
    moves = f"; {found.moves} moved because somebody asked for it" if found.moves else ""
    return [
        *lines,
        f"{found.decisions} decisions from revision {found.first} to {found.last} again, with {found.policy}:"
        f" {found.same} the same, {len(found.differ)} other{moves}",
        f"history goes back to revision {found.earliest}",
    ]
