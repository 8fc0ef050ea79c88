"""The commands `up`, `down` and `status`, for taskyard/cli to register. What they do is in the files beside this."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import click

from taskyard.cli.session import CONTEXT_SETTINGS
from taskyard.local.errors import LocalError
from taskyard.local.state import DEFAULT_FOLDER, Settings, StateFolder

_state_dir = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_FOLDER,
    envvar="TASKYARD_STATE_DIR",
    show_default=True,
    help="Where everything of its own is kept.",
)


@click.command(context_settings=CONTEXT_SETTINGS)
@click.option("--detach", "-d", is_flag=True, help="Return once all runs; `taskyard down` ends it.")
@click.option(
    "--manifests",
    type=click.Path(exists=True, path_type=Path),
    help="What to apply once all is up. [default: manifests/, where there is one]",
)
@click.option("--no-manifests", is_flag=True, help="Apply nothing.")
@_state_dir
@click.option(
    "--host",
    default="127.0.0.1",
    envvar=["TASKYARD_HOST", "ORCHESTRATION_HOST"],
    show_default=True,
    metavar="ADDRESS",
    help="Where the API listens.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    envvar=["TASKYARD_PORT", "ORCHESTRATION_PORT"],
    help="The API's port. [default: 8080, or the next free one]",
)
@click.option(
    "--etcd",
    default="",
    envvar="TASKYARD_ETCD",
    metavar="ENDPOINTS|own",
    help="An etcd to use, or `own` to start one. [default: the one on port 2379, else its own]",
)
@click.option(
    "--node", default="", envvar="TASKYARD_NODE", metavar="NAME", help="The node's name. [default: the host's]"
)
def up(
    detach: bool,
    manifests: Path | None,
    no_manifests: bool,
    state_dir: Path,
    host: str,
    port: int | None,
    etcd: str,
    node: str,
) -> int:
    """Run everything on this machine: etcd, control plane, agent, and your manifests.

    \b
      taskyard up                      until Ctrl-C, which leaves only the containers
      taskyard up --detach             in the background
      taskyard up --manifests web.yaml

    What runs already (a Docker Engine, an etcd) is used; what is missing is installed on Debian, and started. Repeating
    it changes nothing, and starts only what died.
    """
    from taskyard.local.attached import interrupt_at_every_ending, stay, stop_all
    from taskyard.local.settle import Wishes
    from taskyard.local.steps import Steps
    from taskyard.local.up import bring_up

    folder, steps = StateFolder(state_dir), Steps()
    usual = Path("manifests")
    chosen = None if no_manifests else manifests or (usual if _has_files(usual) else None)
    foreground = not detach and folder.supervisor() is None
    started = None
    if foreground:
        interrupt_at_every_ending()
    try:
        started = bring_up(folder, Wishes(host=host, port=port, etcd=etcd, node=node), chosen, steps)
        steps.console.print()
        running = [label for label, verdict in started.verdicts.items() if verdict.text == "Running"]
        for line in _next_steps(started.settings, state_dir, running, foreground=foreground):
            steps.console.print(line, markup=False)
        if foreground:
            stay(folder, steps)
    except KeyboardInterrupt:
        if foreground:
            stop_all(folder, folder.settings(), steps, _command(state_dir, "down"))
        if started is None:
            raise
    except LocalError as error:
        if folder.supervisor() is not None:
            error.hint = error.hint or f"what was started keeps running; this ends it: {_command(state_dir, 'down')}"
        raise
    failed = {label: verdict for label, verdict in started.verdicts.items() if verdict.failure or not verdict.settled}
    for label, verdict in failed.items():
        click.echo(f"error: {label} does not run: {verdict.failure or verdict.text}", err=True)
    return 1 if failed else 0


@click.command(context_settings=CONTEXT_SETTINGS)
@click.option("--purge", is_flag=True, help="Delete the data, too: all of the state folder.")
@_state_dir
def down(purge: bool, state_dir: Path) -> None:
    """Stop what `up` started, and remove its containers. Data stays for the next `up`, unless --purge.

    \b
      taskyard down
      taskyard down --purge       nothing is left
    """
    from taskyard.local.down import take_down
    from taskyard.local.steps import Steps

    take_down(StateFolder(state_dir), Steps(), purge=purge)


@click.command(context_settings=CONTEXT_SETTINGS)
@_state_dir
def status(state_dir: Path) -> int:
    """Show which parts of `up` run on this machine. Exits 1 if one does not.

    \b
      taskyard status
    """
    from taskyard.local.status import standing

    found = standing(StateFolder(state_dir), time.time())
    for line in found.lines:
        click.echo(line)
    return 0 if found.good else 1


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.rglob("*.y*ml"))


def _next_steps(settings: Settings, state_dir: Path, running: list[str], *, foreground: bool) -> list[str]:
    """The API's address and what to type next, so that it works as it stands in this shell."""
    program = _program()
    address = "" if settings.port == 8080 else f" --port {settings.port}"
    lines = [
        f"The API is at {settings.url}",
        "",
        "Try next:",
        f"  {program} get tasks{address}",
        f"  {program} {f'describe {running[0]}' if running else 'get nodes'}{address}",
        f"  {program} {f'logs -f {running[0]}' if running else 'events'}{address}",
        "",
    ]
    ending = "Ctrl-C stops all but the containers." if foreground else f"To end it: {_command(state_dir, 'down')}"
    return [*lines, ending]


def _command(state_dir: Path, name: str) -> str:
    option = "" if str(state_dir) == DEFAULT_FOLDER else f" --state-dir {state_dir}"
    return f"{_program()} {name}{option}"


def _program() -> str:
    """How this program is called from here: by its name where that is on PATH, else by its path."""
    if shutil.which("taskyard"):
        return "taskyard"
    path = Path(sys.executable).parent / "taskyard"
    near = os.path.relpath(path)
    return str(path) if near.startswith("..") else near
