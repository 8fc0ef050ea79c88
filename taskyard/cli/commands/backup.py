"""`taskyard backup` and `taskyard restore`: everything in one file, and back from it."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click

from taskyard.cli.failure import Failed, note
from taskyard.cli.session import Command, session
from taskyard.clock import timestamp
from taskyard.local.state import DEFAULT_FOLDER, StateFolder

_state_dir = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_FOLDER,
    envvar="TASKYARD_STATE_DIR",
    show_default=True,
    help="Of `taskyard up`.",
)


@click.command(cls=Command)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--etcd", envvar="TASKYARD_ETCD", metavar="ENDPOINTS", help="host:port of members. [default: that of `up`]"
)
@_state_dir
def backup(file: Path | None, etcd: str | None, state_dir: Path) -> None:
    """Write all that etcd holds to one file; nothing is stopped meanwhile.

    \b
      taskyard backup                         to taskyard-<time>.tar
      taskyard backup /backups/monday.tar
      taskyard backup --etcd 10.0.0.1:2379    of a cluster that `up` did not make

    It holds etcd's snapshot, the declared objects as manifests, and the values of secrets: keep it like a password.
    """
    from taskyard.local.backup import take

    now = time.time()
    target = file or Path(f"taskyard-{timestamp(now)[:19].replace(':', '')}.tar")
    about = take(_endpoints(etcd, state_dir), target, now)
    counts = ", ".join(f"{number} {kind.lower()}{'s' if number > 1 else ''}" for kind, number in about.objects.items())
    click.echo(f"{target}: revision {about.revision}: {counts or 'nothing declared'}")
    if about.unreadable:
        note(f"not among the manifests, as they cannot be read: {', '.join(about.unreadable)}")


@click.command(cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--apply", "apply_", is_flag=True, help="Apply its manifests to a running cluster; nothing is removed.")
@click.option(
    "--extract", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Only unpack it there."
)
@click.option("--show", is_flag=True, help="Only say what is in it.")
@_state_dir
def restore(file: Path, apply_: bool, extract: Path | None, show: bool, state_dir: Path) -> None:
    """Bring back what a backup holds.

    \b
      taskyard restore monday.tar               into the etcd of `taskyard up`, which must not run
      taskyard restore monday.tar --apply       declare it again in a running cluster; nothing is removed
      taskyard restore monday.tar --extract x   for `etcdctl snapshot restore x/snapshot.db` on your own members
      taskyard restore monday.tar --show

    The first puts the data that is there aside, and says where. Agents notice that etcd went back: what runs goes on,
    and what the backup does not know is left alone until a person says that it should go.
    """
    from taskyard.local.backup import extract as unpack
    from taskyard.local.backup import put_back, read_about

    if sum((apply_, extract is not None, show)) > 1:
        raise Failed("--apply, --extract and --show exclude each other")
    if show:
        about = read_about(file)
        click.echo(f"taken {about.taken_at} at revision {about.revision} by taskyard {about.version}")
        for kind, number in about.objects.items():
            click.echo(f"{number:6} {kind}")
    elif extract is not None:
        for path in unpack(file, extract):
            click.echo(str(path))
    elif apply_:
        with tempfile.TemporaryDirectory(prefix="taskyard-restore-") as folder:
            _apply(unpack(file, Path(folder))[1])
    else:
        state = StateFolder(state_dir)
        with state.locked("up"):
            before = put_back(file, state, state.settings(), time.time())
        click.echo(f"restored into {state.etcd}" + (f"; what was there is in {before}" if before else ""))
        note("`taskyard up` starts it")


def _apply(manifests: Path) -> None:
    from taskyard.cli.manifests import read_manifests
    from taskyard.client.api import Sent

    documents = read_manifests([str(manifests)], None, left="nothing was applied") if manifests.stat().st_size else []
    if not documents:
        note("nothing is declared in it")
        return
    sent = [Sent(each.source, each.data) for each in documents]
    for result in session().client().apply(sent).results:
        where = f" in namespace {result.namespace}" if result.namespace not in ("", "default") else ""
        click.echo(f"{result.kind.lower()}/{result.name}{where} {result.result}")


def _endpoints(given: str | None, state_dir: Path) -> list[str]:
    """Those of `up` in this folder where none are given, else the usual one."""
    from taskyard.endpoint import endpoint

    if given:
        try:
            return [endpoint(each.strip(), default_port=2379) for each in given.split(",")]
        except ValueError as error:
            raise Failed(f"--etcd: {error}") from error
    settings = StateFolder(state_dir).settings()
    return settings.etcd if settings is not None else ["127.0.0.1:2379"]
