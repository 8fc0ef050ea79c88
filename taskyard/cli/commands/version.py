"""`taskyard version`: this program's, and if asked for, the server's."""

from __future__ import annotations

import click

from taskyard import __version__
from taskyard.cli.session import Command, session


@click.command(cls=Command)
@click.option("-a", "--all", "server_too", is_flag=True, help="The server's, too.")
def version(server_too: bool) -> None:
    """Print the version.

    \b
      taskyard version
      taskyard version --all      the server's, too
    """
    click.echo(f"taskyard {__version__}")
    if server_too:
        client = session().client()
        click.echo(f"server   {client.version().version} ({client.url})")
