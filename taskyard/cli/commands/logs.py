"""`taskyard logs`: what a task's container wrote, as it wrote it."""

from __future__ import annotations

import sys

import click

from taskyard.cli import complete
from taskyard.cli.failure import Failed, note
from taskyard.cli.kinds import one_task
from taskyard.cli.options import Duration
from taskyard.cli.progress import progress
from taskyard.cli.session import Command, session
from taskyard.cli.waiting import Awaited, judge_started, wait_for
from taskyard.client.api import Client
from taskyard.client.errors import Conflict
from taskyard.clock import SystemClock


@click.command(cls=Command, namespaced=True)
@click.argument("what", nargs=-1, metavar="TASK", shell_complete=complete.task_names)
@click.option("-f", "--follow", is_flag=True, help="Go on as more is written, until Ctrl-C or the container ends.")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="Only the last N lines.")
@click.option("--since", type=Duration(), metavar="TIME", help="Only what was written in this time: 90s, 10m, 1h.")
@click.option("-t", "--timestamps", is_flag=True, help="Each line with the time at which it was written.")
@click.option("-p", "--previous", is_flag=True, help="Of the attempt before this one.")
def logs(
    what: tuple[str, ...], follow: bool, tail: int | None, since: float | None, timestamps: bool, previous: bool
) -> None:
    """What a task's container wrote to its stdout and stderr.

    With -f, a task that has no container yet is waited for.
    """
    if not what:
        raise click.UsageError("name the task: taskyard logs web")
    name = one_task(what, "logs web")
    current = session()
    client, namespace = current.client(), current.namespace_or_default()

    def copy() -> None:
        with client.logs(
            namespace, name, follow=follow, tail=tail, since=since, timestamps=timestamps, previous=previous
        ) as pieces:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
                sys.stdout.buffer.flush()

    try:
        copy()
    except Conflict as error:
        if not follow:
            raise
        note(f"{error}; waiting for it to start")
        _wait_until_started(client, namespace, name)
        copy()


def _wait_until_started(client: Client, namespace: str, name: str) -> None:
    with progress() as shown:
        outcome = wait_for(
            client,
            [Awaited(namespace, name)],
            judge_started,
            clock=SystemClock(),
            timeout=None,
            progress=shown,
            on_settled=lambda _one, _verdict: None,
        )
    for verdict in outcome.settled.values():
        if verdict.failure:
            raise Failed(f"task/{name} does not start: {verdict.failure}")
