"""`taskyard validate`: manifests checked on this machine, without a server."""

from __future__ import annotations

import click

from taskyard.cli.options import files
from taskyard.cli.session import Command, session


@click.command(cls=Command, namespaced=True)
@files(required=True)
def validate(filenames: tuple[str, ...]) -> None:
    """Check manifests without a server; every problem is shown with its file, line and what helps.

    \b
      taskyard validate -f web.yaml
      taskyard validate -f manifests/       all of a folder, and of the folders in it
    """
    from taskyard.cli.manifests import read_manifests

    for manifest in read_manifests(filenames, session().namespace):
        click.echo(f"{manifest.label} valid ({manifest.source})")
