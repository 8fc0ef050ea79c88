"""`taskyard apply`: manifests, or a plan, to the server, all or none, and if asked for, waiting until they run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from taskyard.cli.exits import Exit
from taskyard.cli.failure import Failed, complain
from taskyard.cli.options import Duration, files, wait_timeout
from taskyard.cli.person import login_name
from taskyard.cli.session import Command, session

if TYPE_CHECKING:
    from pathlib import Path

    from taskyard.client.api import Client
    from taskyard.client.views import ApplyResult


@click.command(cls=Command, namespaced=True)
@files(required=False)
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing; exits 2 if anything would.")
@click.option(
    "--wait", is_flag=True, help="Wait until each task runs (is healthy, where it has a check) or has completed."
)
@wait_timeout("5m")
@click.option(
    "--stable",
    type=Duration(),
    default="2s",
    metavar="TIME",
    help="With --wait: how long a task without a check has to go on running (2s).",
)
@click.option("--force", is_flag=True, help="Take over what a watched folder declares.")
@click.argument("planned", nargs=-1, metavar="[PLANFILE]", type=click.Path())
def apply(
    filenames: tuple[str, ...],
    dry_run: bool,
    wait: bool,
    timeout: float,
    stable: float,
    force: bool,
    planned: tuple[str, ...],
) -> int:
    """Create or change what the manifests declare.

    \b
      taskyard apply -f web.yaml
      taskyard apply -f manifests/ --wait
      cat web.yaml | taskyard apply -f -
      taskyard apply demo.plan           what `taskyard plan -o demo.plan` kept: just that, or nothing

    Every file is checked first, here; nothing is sent while any is wrong. Then the server takes all of it or nothing.
    """
    from taskyard.cli.planned import plan_in

    current = session()
    if not filenames and (path := plan_in(planned)) is not None:
        if dry_run or force:
            raise click.UsageError("a plan says what is done: --dry-run and --force are for `taskyard plan`")
        return _apply_plan(current.client(), path, (timeout, stable) if wait else None)
    if planned or not filenames:
        given = " ".join(f"-f {name}" for name in planned) or "-f FILE"
        gone = [name for name in planned if not Path(name).exists()]
        why = f"there is no file {', '.join(gone)}" if gone else "name the manifests with -f"
        raise click.UsageError(f"{why}: taskyard apply {given}")
    from taskyard.cli.manifests import read_manifests

    manifests = read_manifests(filenames, current.namespace, left="nothing was sent")

    from taskyard.client.api import Sent

    client = current.client()
    by = login_name()
    sent = [Sent(manifest.source, manifest.said_by(by)) for manifest in manifests]
    results = client.apply(sent, dry_run=dry_run, force=force).results
    for result in results:
        click.echo(f"{result.kind.lower()}/{result.name} {result.result}{' (dry run)' if dry_run else ''}")
    if dry_run:
        return Exit.CHANGES if any(result.result != "unchanged" for result in results) else Exit.DONE
    if wait:
        _wait(client, results, timeout, stable)
    return Exit.DONE


def _apply_plan(client: Client, path: Path, waiting: tuple[float, float] | None) -> int:
    """`waiting`: for how long, and how long each has to go on running."""
    from taskyard.cli.planned import Stale, apply_plan

    try:
        done = apply_plan(client, path)
    except Stale as stale:
        complain(str(stale), stale.hint)
        return Exit.STALE
    for result in done.results:
        click.echo(f"{result.kind.lower()}/{result.name} {result.result}")
    for label in done.removed:
        click.echo(f"{label} deleted")
    if not done.results and not done.removed:
        click.echo("the plan changes nothing")
    if waiting is not None:
        _wait(client, done.results, *waiting)
    return Exit.DONE


def _wait(client: Client, results: Sequence[ApplyResult], timeout: float, stable: float) -> None:
    import sys

    from taskyard.cli.jobs import awaited_job, wait_for_jobs
    from taskyard.cli.progress import progress
    from taskyard.cli.rollouts import awaited_service, wait_for_rollouts
    from taskyard.cli.steady import wait_until_steady
    from taskyard.cli.waiting import awaited_after
    from taskyard.clock import SystemClock

    sys.stdout.flush()
    clock = SystemClock()
    deadline = clock.monotonic() + timeout
    tasks = [awaited_after(result) for result in results if result.kind == "Task"]
    services = [awaited_service(result.namespace, result.name) for result in results if result.kind == "Service"]
    jobs = [awaited_job(result.namespace, result.name) for result in results if result.kind == "Job"]
    with progress() as shown:
        complaints = wait_until_steady(client, tasks, clock=clock, timeout=timeout, stable=stable, progress=shown)
        left = max(deadline - clock.monotonic(), 0.0)
        complaints += wait_for_rollouts(client, services, clock=clock, timeout=left, progress=shown)
        left = max(deadline - clock.monotonic(), 0.0)
        complaints += wait_for_jobs(client, jobs, clock=clock, timeout=left, progress=shown)
    for complaint in complaints:
        complain(complaint)
    if complaints:
        raise Failed()
