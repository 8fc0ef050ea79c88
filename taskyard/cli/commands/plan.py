"""`taskyard plan`: what an apply would do, where everything would go, what would not fit; kept in a file if asked."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from taskyard.cli.exits import Exit
from taskyard.cli.failure import Failed, note
from taskyard.cli.formats import json_text, yaml_text
from taskyard.cli.options import files
from taskyard.cli.person import login_name
from taskyard.cli.plan_text import changes_anything, does_not_fit, plan_lines
from taskyard.cli.session import Command, session
from taskyard.cli.table import colour_wanted


@click.command(cls=Command, namespaced=True)
@files(required=True)
@click.option("--source", default="", metavar="NAME", help="On whose behalf the objects are declared: folder/demo.")
@click.option("--prune", is_flag=True, help="Remove what that source declares no more.")
@click.option("--force", is_flag=True, help="As if a watched folder's objects were taken over.")
@click.option(
    "-o",
    "--output",
    metavar="json|yaml|FILE",
    type=click.Path(dir_okay=False),
    help="Print it for programs, or keep it in a file for `taskyard apply FILE`.",
)
def plan(filenames: tuple[str, ...], source: str, prune: bool, force: bool, output: str | None) -> int:
    """Show what an apply would do, and where everything would go.

    \b
      taskyard plan -f manifests/
      taskyard plan -f manifests/ -o demo.plan      keep it, then
      taskyard apply demo.plan                      do just that, or say what has changed since

    Exits 0 for nothing to do, 2 for changes, 3 when something does not fit, 1 for an error. Nothing is changed.
    """
    if prune and not source:
        raise click.UsageError("--prune needs --source: what is removed is what that source declares no more")
    if output in ("wide", "name", "table"):
        raise Failed(
            f"'{output}' is no form of a plan", f"write -o json or -o yaml; for a file of that name: -o ./{output}"
        )
    from taskyard.cli.manifests import read_manifests

    current = session()
    manifests = read_manifests(filenames, current.namespace, left="nothing was planned")

    from taskyard.client.api import Sent

    by = login_name()
    sent = [Sent(manifest.source, manifest.said_by(by)) for manifest in manifests]
    made = current.client().plan(sent, source=source, prune=prune, force=force)
    if output == "json":
        click.echo(json_text(made.data()))
    elif output == "yaml":
        click.echo(yaml_text([made.data()]), nl=False)
    else:
        click.echo("\n".join(plan_lines(made.view, colour=colour_wanted(sys.stdout))))
        if output:
            _keep(Path(output), json_text(made.data()) + "\n")
            note(f"kept in {output}: `taskyard apply {output}` does just this, or says what has changed")
    if does_not_fit(made.view.items, made.view.effects):
        return Exit.DOES_NOT_FIT
    return Exit.CHANGES if changes_anything(made.view) else Exit.DONE


def _keep(path: Path, text: str) -> None:
    """For its owner alone: what is declared may hold secrets."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
