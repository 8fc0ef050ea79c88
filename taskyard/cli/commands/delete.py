"""`taskyard delete`: tasks asked to stop and go, and by default waited for until they are gone."""

from __future__ import annotations

import click

from taskyard.cli import complete
from taskyard.cli.failure import Failed, complain, note
from taskyard.cli.kinds import Kind, read_targets
from taskyard.cli.options import Duration, files, wait_timeout
from taskyard.cli.progress import progress
from taskyard.cli.session import Command, Session, session
from taskyard.cli.waiting import Awaited, Outcome, Verdict, judge_gone, wait_for
from taskyard.client.api import Client, Selection
from taskyard.client.errors import NotFound, RequestRefused
from taskyard.clock import SystemClock
from taskyard.quantity import format_duration


@click.command(cls=Command, namespaced=True)
@click.argument("what", nargs=-1, metavar="[KIND] [NAME]...", shell_complete=complete.kinds_and_names)
@files(required=False)
@click.option("-l", "--selector", default="", metavar="SEL", help="Those with these labels: app=web,tier!=test.")
@click.option("--all", "every", is_flag=True, help="Every task of the namespace.")
@click.option("--wait/--no-wait", default=True, help="Wait until they are gone (the default), or only ask for it.")
@wait_timeout(None)
@click.option("--grace-period", type=Duration(), metavar="TIME", help="From the stop signal to the kill; else its own.")
@click.option("--force", is_flag=True, help="Also what a watched folder declares.")
@click.option("--ignore-not-found", is_flag=True, help="What is not there is no error.")
def delete(
    what: tuple[str, ...],
    filenames: tuple[str, ...],
    selector: str,
    every: bool,
    wait: bool,
    timeout: float | None,
    grace_period: float | None,
    force: bool,
    ignore_not_found: bool,
) -> None:
    """Stop tasks and remove them.

    \b
      taskyard delete task/web            or: delete task web db
      taskyard delete -f manifests/
      taskyard delete -l app=web
      taskyard delete --all --no-wait
      taskyard delete node/n1             its labels, taints and cordon, once its agent is gone
    """
    current = session()
    nodes = _nodes(what)
    _check_one_way(bool(nodes or _names(what)), bool(filenames), bool(selector), every)
    client = current.client()
    asked = _chosen(client, current, what, filenames, selector, every)
    failed = False
    for node in nodes:
        try:
            client.delete_node(node, force=force)
            click.echo(f"node/{node} deleted")
        except RequestRefused as error:
            if not (ignore_not_found and isinstance(error, NotFound)):
                failed = True
                complain(str(error), error.hint)
    accepted: list[Awaited] = []
    for one in asked:
        try:
            uid = one.uid or client.task(one.namespace, one.name).view.metadata.uid
            client.delete_task(one.namespace, one.name, grace_period=grace_period, force=force)
        except NotFound as error:
            if not ignore_not_found and not (selector or every):
                failed = True
                complain(str(error), error.hint)
        except RequestRefused as error:
            failed = True
            complain(str(error), error.hint)
        else:
            accepted.append(Awaited(one.namespace, one.name, uid))
            if not wait:
                click.echo(f"{one.label} deleting")
    if not asked and not nodes:
        note("nothing to delete")
    if wait and accepted:
        outcome = _wait(client, accepted, timeout)
        for key, verdict in outcome.unsettled.items():
            failed = True
            complain(
                f"task/{key.partition('/')[2]} is not gone after {format_duration(timeout or 0)}: {verdict.text}",
                "it goes on without you; `taskyard get tasks -w` shows it",
            )
    if failed:
        raise Failed()


def _wait(client: Client, accepted: list[Awaited], timeout: float | None) -> Outcome:
    with progress() as shown:

        def gone(one: Awaited, _verdict: Verdict) -> None:
            shown.result(f"{one.label} deleted")

        return wait_for(
            client, accepted, judge_gone, clock=SystemClock(), timeout=timeout, progress=shown, on_settled=gone
        )


def _names(what: tuple[str, ...]) -> list[str]:
    """The names of tasks; a kind alone names nothing."""
    targets = read_targets(what)
    for target in targets:
        if target.kind is Kind.EVENT:
            raise Failed(f"{target} cannot be deleted", "events go by themselves after an hour")
        if target.kind is Kind.NODE and not target.name:
            raise Failed("name the node to delete", "for example: taskyard delete node/n1")
    return [target.name for target in targets if target.name and target.kind is Kind.TASK]


def _nodes(what: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(target.name for target in read_targets(what) if target.name and target.kind is Kind.NODE))


def _check_one_way(*ways: bool) -> None:
    if sum(ways) != 1:
        problem = "say what to delete in one way only" if any(ways) else "say what to delete"
        raise Failed(f"{problem}: names, -f, -l or --all", "for example: taskyard delete task/web")


def _chosen(
    client: Client, current: Session, what: tuple[str, ...], filenames: tuple[str, ...], selector: str, every: bool
) -> list[Awaited]:
    if selector or every:
        listed = client.tasks(Selection(current.namespace_or_default(), selector)).items
        return [Awaited(i.view.metadata.namespace, i.view.metadata.name, i.view.metadata.uid) for i in listed]
    if filenames:
        from taskyard.cli.manifests import read_manifests

        manifests = read_manifests(filenames, current.namespace, left="nothing was deleted")
        return [Awaited(one.namespace, one.name) for one in manifests if one.kind == "Task"]
    return [Awaited(current.namespace_or_default(), name) for name in dict.fromkeys(_names(what))]
