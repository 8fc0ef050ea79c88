"""`taskyard undo`: declares objects again as they were before their last change, or at a moment."""

from __future__ import annotations

import sys

import click

from taskyard.cli import complete
from taskyard.cli.failure import Failed, complain
from taskyard.cli.kinds import OBJECTS, read_targets
from taskyard.cli.options import Moment
from taskyard.cli.person import login_name
from taskyard.cli.session import Command, session
from taskyard.cli.table import colour_wanted, painted
from taskyard.cli.unified import colour_of, field_lines
from taskyard.client.errors import RequestRefused


@click.command(cls=Command, namespaced=True)
@click.argument("what", nargs=-1, required=True, metavar="[KIND] NAME...", shell_complete=complete.kinds_and_names)
@click.option("--to", "moment", type=Moment(), metavar="REV|TIME|AGO", help="As it was then (1042, 10m).")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--force", is_flag=True, help="Also what a watched folder declares.")
def undo(what: tuple[str, ...], moment: str | None, dry_run: bool, force: bool) -> None:
    """Declare objects again as they were before their last change; also one that was deleted.

    \b
      taskyard undo task/web                    undo its last change; again: redo it
      taskyard undo service/web --to 10m        as it was ten minutes ago
      taskyard undo secret/db                   bring back what was deleted
      taskyard undo task/web --dry-run          only show it

    What nothing declares any more, because it was created since, is removed with `delete`. For the templates of a
    service there is `rollout undo`, whose history does not end with etcd's.
    """
    current = session()
    client, namespace = current.client(), current.namespace_or_default()
    colour = colour_wanted(sys.stdout)
    failed, by = False, login_name()
    for target in read_targets(what):
        if target.kind not in OBJECTS or not target.name:
            raise Failed(f"{target} cannot be undone", "name objects, for example: taskyard undo service/web")
        try:
            done = client.undo(
                target.kind.names, namespace, target.name, moment or "", by=by, dry_run=dry_run, force=force
            )
        except RequestRefused as error:
            failed = True
            complain(str(error), error.hint)
            continue
        would = "would be " if dry_run else ""
        click.echo(f"{target}: {would}{_WORDS.get(done.result, done.result)} as of revision {done.revision}")
        for change in done.changes:
            for line in field_lines(change):
                click.echo(painted(line, colour_of(line), colour))
    if failed:
        raise Failed()


_WORDS = {"created": "declared again", "configured": "declared", "unchanged": "left"}
