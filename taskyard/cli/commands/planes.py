"""`taskyard controlplane`, `agent`, `simulate`: this process becomes the other program, with the rest of the arguments.

The client package may not import the planes, and need not: they are modules of the same Python.
"""

from __future__ import annotations

import os
import sys

import click

from taskyard.cli.session import CONTEXT_SETTINGS

# -h is the other program's, too: it knows its options.
_PASS_ON = {
    **CONTEXT_SETTINGS,
    "ignore_unknown_options": True,
    "allow_interspersed_args": False,
    "help_option_names": [],
}


def _become(module: str, rest: tuple[str, ...]) -> None:
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *rest])


@click.command(context_settings=_PASS_ON)
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
def controlplane(rest: tuple[str, ...]) -> None:
    """Run a control plane (API, scheduler, controllers) in the foreground."""
    _become("controlplane", rest)


@click.command(context_settings=_PASS_ON)
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
def agent(rest: tuple[str, ...]) -> None:
    """Run this node's agent in the foreground, or `drain` the one that runs."""
    if rest[:1] == ("drain",):
        from taskyard.cli.commands.agent_drain import drain

        drain.main(list(rest[1:]), prog_name="taskyard agent drain", standalone_mode=False)
    else:
        _become("nodeagent", rest)


@click.command(context_settings=_PASS_ON)
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
def simulate(rest: tuple[str, ...]) -> None:
    """Run whole clusters in memory and on virtual time, under faults drawn from seeds."""
    _become("simulator", rest)
