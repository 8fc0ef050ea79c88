"""`taskyard job`: waiting for a job, suspending and resuming it, and running it again."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, TypeVar

import click

from taskyard.cli import complete
from taskyard.cli.failure import Failed, complain
from taskyard.cli.jobs import awaited_job, job_progress, wait_for_jobs
from taskyard.cli.kinds import Kind, find_kind, one_target
from taskyard.cli.options import wait_timeout
from taskyard.cli.progress import progress
from taskyard.cli.session import CONTEXT_SETTINGS, Command, session
from taskyard.client.api import Client
from taskyard.clock import SystemClock

F = TypeVar("F", bound=Callable[..., Any])
_LONGEST_NAME = 48


@click.group(context_settings=CONTEXT_SETTINGS)
def job() -> None:
    """Wait for a job, suspend and resume it, and run it again."""


def _job(function: F) -> F:
    return click.argument("words", nargs=-1, required=True, metavar="[job] NAME", shell_complete=complete.job_names)(
        function
    )


def _force(function: F) -> F:
    return click.option("--force", is_flag=True, help="Also what a watched folder declares.")(function)


@job.command(cls=Command, namespaced=True)
@_job
@click.option("--wait/--no-wait", default=True, help="Wait until it has finished (the default), or only look.")
@wait_timeout("1h")
def status(words: tuple[str, ...], wait: bool, timeout: float) -> None:
    """How far it is; waits until it is complete, and fails when the job does."""
    client, namespace, name = _named(words, "job status resize")
    if wait:
        _wait(client, namespace, name, timeout)
    else:
        click.echo(f"job/{name}: {job_progress(client.job(namespace, name).view)}")


@job.command(cls=Command, namespaced=True)
@_job
@_force
def suspend(words: tuple[str, ...], force: bool) -> None:
    """Stop its tasks and make no others until it is resumed; what is done stays done."""
    client, namespace, name = _named(words, "job suspend resize")
    _refuse_finished(client, namespace, name)
    client.patch_object(Kind.JOB.names, namespace, name, {"spec": {"suspend": True}}, force=force)
    click.echo(f"job/{name} suspended")


@job.command(cls=Command, namespaced=True)
@_job
@_force
def resume(words: tuple[str, ...], force: bool) -> None:
    """Go on after a suspension; its deadline begins anew."""
    client, namespace, name = _named(words, "job resume resize")
    _refuse_finished(client, namespace, name)
    client.patch_object(Kind.JOB.names, namespace, name, {"spec": {"suspend": None}}, force=force)
    click.echo(f"job/{name} resumed")


@job.command(cls=Command, namespaced=True)
@_job
@click.option("--name", "new_name", default="", metavar="NAME", help="What the new job is called; else NAME-RANDOM.")
@click.option("--wait", is_flag=True, help="Wait until it has finished.")
@wait_timeout("1h")
def run(words: tuple[str, ...], new_name: str, wait: bool, timeout: float) -> None:
    """Run it again from the start, as a new job with the same spec.

    \b
      taskyard job run resize --name resize-again --wait
    """
    client, namespace, name = _named(words, "job run resize")
    found = client.job(namespace, name).data()
    new_name = new_name or f"{name[: _LONGEST_NAME - 7]}-{secrets.token_hex(3)}"
    metadata = {"name": new_name, "namespace": namespace, "labels": found["metadata"].get("labels", {})}
    spec = {field: value for field, value in found["spec"].items() if field != "suspend"}
    manifest = {"apiVersion": found["apiVersion"], "kind": "Job", "metadata": metadata, "spec": spec}
    client.create_object(Kind.JOB.names, namespace, manifest)
    click.echo(f"job/{new_name} created")
    if wait:
        _wait(client, namespace, new_name, timeout)


def _refuse_finished(client: Client, namespace: str, name: str) -> None:
    phase = client.job(namespace, name).view.status.phase
    if phase in ("Complete", "Failed"):
        raise Failed(f"job/{name} has finished: {phase}", f"to run it again: taskyard job run {name}")


def _named(words: tuple[str, ...], example: str) -> tuple[Client, str, str]:
    """`resize`, `job/resize` and `job resize` are the same here."""
    first = words[0]
    alone = len(words) == 1 and "/" not in first and find_kind(first) is None
    target = one_target([f"job/{first}"] if alone else words, example)
    if target.kind is not Kind.JOB:
        raise Failed(f"{target} is not a job", f"for example: taskyard {example}")
    current = session()
    return current.client(), current.namespace_or_default(), target.name


def _wait(client: Client, namespace: str, name: str, timeout: float) -> None:
    with progress() as shown:
        awaited = [awaited_job(namespace, name)]
        complaints = wait_for_jobs(client, awaited, clock=SystemClock(), timeout=timeout, progress=shown)
    for complaint in complaints:
        complain(complaint)
    if complaints:
        raise Failed()
