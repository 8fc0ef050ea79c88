"""`taskyard job`: waiting for a job, suspending and resuming it, running it again, or with arguments."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, TextIO, TypeVar

import click

from taskyard.cli import complete
from taskyard.cli.failure import Failed, complain
from taskyard.cli.jobs import awaited_job, job_progress, wait_for_jobs
from taskyard.cli.kinds import Kind, Target, find_kind, one_target
from taskyard.cli.options import wait_timeout
from taskyard.cli.progress import progress
from taskyard.cli.session import CONTEXT_SETTINGS, Command, session
from taskyard.client.api import Client
from taskyard.clock import SystemClock
from taskyard.manifest.job_rules import LONGEST_JOB
from taskyard.objects import API_VERSION
from taskyard.objects.cron import CRON

F = TypeVar("F", bound=Callable[..., Any])


@click.group(context_settings=CONTEXT_SETTINGS)
def job() -> None:
    """Wait for a job, suspend and resume it, run it again, or with arguments.

    \b
      taskyard job status resize
      taskyard job run resize --wait
      taskyard job suspend cron/nightly
    """


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
    """How far it is; waits until it is complete, and fails when the job does.

    \b
      taskyard job status resize
      taskyard job status job/resize --no-wait    only look
    """
    client, namespace, name = _named(words, "job status resize")
    # Asked for first in any case: to a wait one that never was looks like one that was deleted.
    found = client.job(namespace, name)
    if wait:
        _wait(client, namespace, name, timeout)
    else:
        click.echo(f"job/{name}: {job_progress(found.view)}")


@job.command(cls=Command, namespaced=True)
@_job
@_force
def suspend(words: tuple[str, ...], force: bool) -> None:
    """Stop a job's tasks and make no others until it is resumed; or let a cron make no jobs.

    \b
      taskyard job suspend resize
      taskyard job suspend cron/nightly
    """
    target, client, namespace = _target(words, "job suspend resize")
    _set_suspended(client, namespace, target, True, force)
    click.echo(f"{target} suspended")


@job.command(cls=Command, namespaced=True)
@_job
@_force
def resume(words: tuple[str, ...], force: bool) -> None:
    """Go on after a suspension; a job's deadline begins anew.

    \b
      taskyard job resume resize
      taskyard job resume cron/nightly
    """
    target, client, namespace = _target(words, "job resume resize")
    _set_suspended(client, namespace, target, None, force)
    click.echo(f"{target} resumed")


@job.command(cls=Command, namespaced=True)
@_job
@click.option("--name", "new_name", default="", metavar="NAME", help="What the new job is called; else NAME-RANDOM.")
@click.option("--wait", is_flag=True, help="Wait until it has finished.")
@wait_timeout("1h")
def run(words: tuple[str, ...], new_name: str, wait: bool, timeout: float) -> None:
    """Run a job again from the start, or a cron's job now, as a new job with the same spec.

    \b
      taskyard job run resize --name resize-again --wait
      taskyard job run cron/nightly
    """
    target, client, namespace = _target(words, "job run resize")
    found = client.object(target.kind.names, namespace, target.name).data()
    if target.kind is Kind.CRON:
        found = found["spec"]["template"]
        labels = {**found.get("metadata", {}).get("labels", {}), CRON: target.name}
    else:
        labels = found["metadata"].get("labels", {})
    new_name = new_name or f"{target.name[: LONGEST_JOB - 7]}-{secrets.token_hex(3)}"
    spec = {field: value for field, value in found["spec"].items() if field != "suspend"}
    metadata = {"name": new_name, "namespace": namespace, "labels": labels}
    _create(client, namespace, {"metadata": metadata, "spec": spec})
    if wait:
        _wait(client, namespace, new_name, timeout)


@job.command(cls=Command, namespaced=True)
@_job
@click.option("-a", "--arg", "arguments", multiple=True, metavar="NAME=VALUE", help="An argument; may be repeated.")
@click.option("--payload", type=click.File(), metavar="FILE", help="Text of up to 64 KiB; - reads it from stdin.")
@click.option("--name", "new_name", default="", metavar="NAME", help="What the new job is called; else NAME-RANDOM.")
@click.option("--wait", is_flag=True, help="Wait until it has finished.")
@wait_timeout("1h")
def dispatch(
    words: tuple[str, ...],
    arguments: tuple[str, ...],
    payload: TextIO | None,
    new_name: str,
    wait: bool,
    timeout: float,
) -> None:
    """Run a job that has parameters, with arguments and a payload.

    \b
      taskyard job dispatch resize -a INPUT=photos/1.jpg --payload options.json
    """
    client, namespace, name = _named(words, "job dispatch resize -a INPUT=photos/1.jpg")
    given = {}
    for text in arguments:
        argument, equals, value = text.partition("=")
        if not equals:
            raise Failed(f"'{text}' is no argument", "write NAME=VALUE")
        given[argument] = value
    body: dict[str, Any] = {"arguments": given, "name": new_name}
    if payload is not None:
        body["payload"] = payload.read()
    made = client.dispatch(namespace, name, body).view.metadata.name
    click.echo(f"job/{made} created")
    if wait:
        _wait(client, namespace, made, timeout)


def _create(client: Client, namespace: str, job: dict[str, Any]) -> None:
    client.create_object(Kind.JOB.names, namespace, {"apiVersion": API_VERSION, "kind": "Job", **job})
    click.echo(f"job/{job['metadata']['name']} created")


def _set_suspended(client: Client, namespace: str, target: Target, suspended: bool | None, force: bool) -> None:
    if target.kind is Kind.JOB:
        phase = client.job(namespace, target.name).view.status.phase
        if phase in ("Complete", "Failed"):
            raise Failed(f"{target} has finished: {phase}", f"to run it again: taskyard job run {target.name}")
    client.patch_object(target.kind.names, namespace, target.name, {"spec": {"suspend": suspended}}, force=force)


def _target(words: tuple[str, ...], example: str) -> tuple[Target, Client, str]:
    """`resize`, `job/resize` and `job resize` are the same here; a cron has to say so."""
    first = words[0]
    alone = len(words) == 1 and "/" not in first and find_kind(first) is None
    target = one_target([f"job/{first}"] if alone else words, example)
    if target.kind not in (Kind.JOB, Kind.CRON):
        raise Failed(f"{target} is no job and no cron", f"for example: taskyard {example}")
    current = session()
    return target, current.client(), current.namespace_or_default()


def _named(words: tuple[str, ...], example: str) -> tuple[Client, str, str]:
    """Of a job alone."""
    target, client, namespace = _target(words, example)
    if target.kind is not Kind.JOB:
        raise Failed(f"{target} is not a job", f"for example: taskyard {example}")
    return client, namespace, target.name


def _wait(client: Client, namespace: str, name: str, timeout: float) -> None:
    with progress() as shown:
        awaited = [awaited_job(namespace, name)]
        complaints = wait_for_jobs(client, awaited, clock=SystemClock(), timeout=timeout, progress=shown)
    for complaint in complaints:
        complain(complaint)
    if complaints:
        raise Failed()
