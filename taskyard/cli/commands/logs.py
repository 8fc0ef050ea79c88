"""`taskyard logs`: what the containers of tasks wrote, as they wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import click

from taskyard.cli import complete, screen
from taskyard.cli.failure import Failed, note
from taskyard.cli.kinds import Kind, Target, one_task, read_targets
from taskyard.cli.listing import tell_of_outage
from taskyard.cli.options import Duration
from taskyard.cli.progress import progress
from taskyard.cli.session import Command, session
from taskyard.cli.tailing import Batch, Lines, Tail, each_once
from taskyard.cli.waiting import Awaited, judge_started, wait_for
from taskyard.client.api import Client
from taskyard.client.errors import Conflict
from taskyard.client.selection import Selection
from taskyard.client.views import TaskView
from taskyard.client.watch import Patience
from taskyard.clock import SystemClock


@click.command(cls=Command, namespaced=True)
@click.argument("what", nargs=-1, metavar="TASK...", shell_complete=complete.task_names)
@click.option("-l", "--selector", default="", metavar="SEL", help="Of all tasks with these labels: app=web,tier!=test.")
@click.option("-f", "--follow", is_flag=True, help="Go on as more is written, until Ctrl-C or the container ends.")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="Only the last N lines.")
@click.option("--since", type=Duration(), metavar="TIME", help="Only what was written in this time: 90s, 10m, 1h.")
@click.option("-t", "--timestamps", is_flag=True, help="Each line with the time at which it was written.")
@click.option("-p", "--previous", is_flag=True, help="Of the attempt before this one.")
@click.option("-c", "--container", default="", metavar="NAME", help="Of the task's init task or sidecar of that name.")
@click.option("--prefix/--no-prefix", default=None, help="Each line with its task's name (with several tasks: yes).")
@click.option(
    "--max-log-requests", type=click.IntRange(1, 200), default=50, metavar="N", help="How many are followed at most."
)
def logs(
    what: tuple[str, ...],
    selector: str,
    follow: bool,
    tail: int | None,
    since: float | None,
    timestamps: bool,
    previous: bool,
    container: str,
    prefix: bool | None,
    max_log_requests: int,
) -> None:
    """What tasks' containers wrote to their stdout and stderr.

    \b
      taskyard logs web --tail 20 -f          a task that has no container yet is waited for
      taskyard logs -l app=web -f             all of them, and those that come to match
      taskyard logs web -p                    of the attempt before this one
      taskyard logs service/shop -f           of all tasks of a service, likewise: job/resize

    On a terminal only colours pass; other control characters are shown. A pipe or a file gets every byte as it is.
    """
    if not what and not selector:
        raise click.UsageError("name the task: taskyard logs web, or choose by label: taskyard logs -l app=web")
    if what and selector:
        raise Failed("a selector chooses among all, so it cannot be used together with names")
    current = session()
    client, namespace = current.client(), current.namespace_or_default()

    def read(name: str) -> AbstractContextManager[Iterator[bytes]]:
        return client.logs(
            namespace,
            name,
            follow=follow,
            tail=tail,
            since=since,
            timestamps=timestamps,
            previous=previous,
            container=container,
        )

    owner = _owner(what)
    if owner is not None:
        what, selector = (), owner.tasks
    names = _names(what)
    if len(names) == 1:
        _one(client, namespace, names[0], read, follow=follow, prefixed=bool(prefix))
        return

    def read_task(task: TaskView) -> AbstractContextManager[Iterator[bytes]]:
        return read(task.metadata.name)

    lines = Lines(screen.stdout(), prefixed=prefix is not False)
    selection = Selection(namespace, selector)
    if not follow:
        chosen = [client.task(namespace, name).view for name in names]
        each_once(chosen or _matching(client, selection, owner), read_task, lines)
        return
    patience = Patience(clock=SystemClock(), on_break=tell_of_outage)
    batches = client.watch_tasks(selection, patience)
    Tail(read_task, lines, max_log_requests).run(_only(names, batches))


def _owner(words: tuple[str, ...]) -> Target | None:
    """Where exactly one job or service is named: it."""
    if not words or (len(words) == 1 and "/" not in words[0]):
        return None
    targets = read_targets(words)
    return targets[0] if len(targets) == 1 and targets[0].name and targets[0].tasks else None


def _names(words: tuple[str, ...]) -> list[str]:
    if len(words) < 2:
        return [one_task(words, "logs web")] if words else []
    targets = read_targets(words)
    if any(target.kind is not Kind.TASK or not target.name for target in targets):
        raise Failed("only tasks have logs, and one service or job at a time", "for example: taskyard logs web db")
    return list(dict.fromkeys(target.name for target in targets))


def _matching(client: Client, selection: Selection, owner: Target | None) -> list[TaskView]:
    found = [item.view for item in client.tasks(selection).items]
    if not found:
        which = f"of {owner}" if owner is not None else f"with {selection.labels}"
        raise Failed(f"there are no tasks {which} in namespace '{selection.namespace}'")
    return found


def _only(names: list[str], batches: Iterator[Batch]) -> Iterator[Batch]:
    for batch in batches:
        yield [change for change in batch if not names or change.item.view.metadata.name in names]


def _one(
    client: Client,
    namespace: str,
    name: str,
    read: Callable[[str], AbstractContextManager[Iterator[bytes]]],
    *,
    follow: bool,
    prefixed: bool,
) -> None:
    out = screen.stdout()

    def copy() -> None:
        with read(name) as pieces:
            if prefixed:
                Lines(out, prefixed=True).copy(name, pieces)
                return
            for piece in pieces:
                out.write(piece)
            out.close()

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
