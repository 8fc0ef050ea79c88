"""`taskyard delete`: objects asked to go, and by default waited for until they are gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import click

from taskyard.cli import complete
from taskyard.cli.failure import Failed, complain, note
from taskyard.cli.kinds import Kind, Target, read_targets
from taskyard.cli.options import Duration, files, wait_timeout
from taskyard.cli.progress import progress
from taskyard.cli.session import Command, Session, session
from taskyard.cli.waiting import Awaited, Outcome, Verdict, judge_gone, wait_for
from taskyard.client.api import Client, Named
from taskyard.client.errors import NotFound, RequestRefused, refusal
from taskyard.client.selection import Selection
from taskyard.client.views import ObjectView
from taskyard.client.watch import Item
from taskyard.clock import SystemClock
from taskyard.kinds import APPLY_ORDER, BY_KIND
from taskyard.quantity import format_duration


@click.command(cls=Command, namespaced=True)
@click.argument("what", nargs=-1, metavar="[KIND] [NAME]...", shell_complete=complete.kinds_and_names)
@files(required=False)
@click.option("-l", "--selector", default="", metavar="SEL", help="Those with these labels: app=web,tier!=test.")
@click.option(
    "--all", "every", is_flag=True, help="Every one of the kind (tasks, when none is named) in the namespace."
)
@click.option("--wait/--no-wait", default=True, help="Wait until they are gone (the default), or only ask for it.")
@wait_timeout(None)
@click.option("--grace-period", type=Duration(), metavar="TIME", help="From the stop signal to the kill; else its own.")
@click.option("--force", is_flag=True, help="Also what a watched folder declares, and nodes that are not empty.")
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
    """Stop tasks and remove them, and any other objects.

    \b
      taskyard delete task/web            or: delete task web db
      taskyard delete -f manifests/
      taskyard delete -l app=web
      taskyard delete --all --no-wait
      taskyard delete secret/db config/app
      taskyard delete namespace/shop      and all that is in it
      taskyard delete node/n1             its labels, taints and cordon, once its agent is gone
    """
    current = session()
    targets = _targets(what)
    nodes = list(dict.fromkeys(target.name for target in targets if target.kind is Kind.NODE))
    _check_one_way(any(target.name for target in targets), bool(filenames), bool(selector), every)
    client = current.client()
    asked = _chosen(client, current, targets, filenames, selector, every)
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
    for answer in _ask(client, asked, grace_period, force=force):
        if isinstance(answer, Awaited):
            accepted.append(answer)
            if not wait:
                click.echo(f"{answer.label} deleting")
        elif not (isinstance(answer, NotFound) and (ignore_not_found or selector or every)):
            failed = True
            complain(str(answer), answer.hint)
    if not asked and not nodes:
        note("nothing to delete")
    if wait and accepted:
        outcome = _wait(client, accepted, timeout)
        by_key = {one.key: one for one in accepted}
        for key, verdict in outcome.unsettled.items():
            failed = True
            complain(
                f"{by_key[key].label} is not gone after {format_duration(timeout or 0)}: {verdict.text}",
                f"it goes on without you; `taskyard get {by_key[key].kind.plural} -w` shows it",
            )
    if failed:
        raise Failed()


def _ask(
    client: Client, asked: Sequence[Awaited], grace_period: float | None, *, force: bool
) -> list[Awaited | RequestRefused]:
    """What became of each."""
    named = [Named(one.kind.names.kind, one.namespace, one.name, one.uid) for one in asked]
    results = client.delete(named, grace_period=grace_period, force=force) if named else []
    return [
        replace(one, uid=found.uid) if found.problem is None else refusal(found.problem)
        for one, found in zip(asked, results, strict=True)
    ]


def _wait(client: Client, accepted: list[Awaited], timeout: float | None) -> Outcome:
    with progress() as shown:

        def gone(one: Awaited, _verdict: Verdict) -> None:
            shown.result(f"{one.label} deleted")

        return wait_for(
            client, accepted, judge_gone, clock=SystemClock(), timeout=timeout, progress=shown, on_settled=gone
        )


def _targets(what: tuple[str, ...]) -> list[Target]:
    """A kind alone names nothing: it says what --all and -l are of."""
    targets = read_targets(what)
    for target in targets:
        if target.kind is Kind.EVENT:
            raise Failed(f"{target} cannot be deleted", "events go by themselves after an hour")
        if target.kind is Kind.NODE and not target.name:
            raise Failed("name the node to delete", "for example: taskyard delete node/n1")
    return targets


def _check_one_way(*ways: bool) -> None:
    if sum(ways) != 1:
        problem = "say what to delete in one way only" if any(ways) else "say what to delete"
        raise Failed(f"{problem}: names, -f, -l or --all", "for example: taskyard delete task/web")


def _chosen(
    client: Client, current: Session, targets: list[Target], filenames: tuple[str, ...], selector: str, every: bool
) -> list[Awaited]:
    """All but nodes, which are deleted in another way."""
    namespace = current.namespace_or_default()
    if selector or every:
        kinds = [target.kind for target in targets] or [Kind.TASK]
        listed = [(kind, item.view.metadata) for kind in kinds for item in _listed(client, kind, namespace, selector)]
        return [Awaited(found.namespace, found.name, found.uid, kind=kind) for kind, found in listed]
    if filenames:
        from taskyard.cli.manifests import read_manifests

        manifests = read_manifests(filenames, current.namespace, left="nothing was deleted")
        # What others need goes last.
        manifests.sort(key=lambda one: -APPLY_ORDER.index(BY_KIND[one.kind].kind))
        return [
            Awaited(one.namespace, one.name, kind=Kind(one.kind.lower())) for one in manifests if one.kind != "Node"
        ]
    named = dict.fromkeys(target for target in targets if target.kind is not Kind.NODE)
    return [
        Awaited(namespace if target.kind.namespaced else "default", target.name, kind=target.kind) for target in named
    ]


def _listed(client: Client, kind: Kind, namespace: str, selector: str) -> list[Item[ObjectView]]:
    return client.objects(kind.names, Selection(namespace, selector)).items
