"""`taskyard rollout` and `taskyard scale`: how far a service is with its template, and turning that back, on or off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from taskyard.annotations import CHANGE_CAUSE, CHANGED_BY, PROMOTED_REVISION, RESUMED_AT
from taskyard.cli import complete
from taskyard.cli.age import age
from taskyard.cli.failure import Failed, complain, note
from taskyard.cli.kinds import Kind, find_kind, one_target
from taskyard.cli.options import wait_timeout
from taskyard.cli.person import login_name
from taskyard.cli.progress import progress
from taskyard.cli.rollouts import awaited_service, judge_rolled_out, progress_of, wait_for_rollouts
from taskyard.cli.session import CONTEXT_SETTINGS, Command, session
from taskyard.cli.table import Table
from taskyard.client.api import Client
from taskyard.client.errors import NotFound
from taskyard.client.service_views import RevisionsView, ServiceView
from taskyard.clock import SystemClock, timestamp

F = TypeVar("F", bound=Callable[..., Any])
_RESTARTED_AT = "restarted-at"
"""A container label: the template differs by it, and nothing else does."""


@click.group(context_settings=CONTEXT_SETTINGS)
def rollout() -> None:
    """How far a service is with its template, and turning that back, on or off.

    \b
      taskyard rollout status service/web
      taskyard rollout history web
      taskyard rollout undo web --to 3
    """


def _service(function: F) -> F:
    return click.argument(
        "words", nargs=-1, required=True, metavar="[service] NAME", shell_complete=complete.service_names
    )(function)


def _force(function: F) -> F:
    return click.option("--force", is_flag=True, help="Also what a watched folder declares.")(function)


@rollout.command(cls=Command, namespaced=True)
@_service
@click.option("--wait/--no-wait", default=True, help="Wait until it is complete (the default), or only look.")
@wait_timeout("10m")
def status(words: tuple[str, ...], wait: bool, timeout: float) -> None:
    """How far it is; waits until it is complete, and fails when the rollout does, or all that is not ready has failed.

    \b
      taskyard rollout status service/web
      taskyard rollout status web --no-wait       only look
    """
    client, namespace, name = _named(words, "rollout status service/web")
    found = client.service(namespace, name)
    if not wait:
        click.echo(f"service/{name}: {progress_of(found.view)}")
        if judge_rolled_out(awaited_service(namespace, name), found.view).failure:
            raise Failed()
        return
    _wait(client, namespace, name, timeout)


@rollout.command(cls=Command, namespaced=True)
@_service
def history(words: tuple[str, ...]) -> None:
    """The templates it had, by number; * is what tasks are to have now, or only its canaries.

    \b
      taskyard rollout history service/web
    """
    client, namespace, name = _named(words, "rollout history service/web")
    found = client.revisions(namespace, name)
    now = SystemClock().now()
    rows = [
        [
            _marked(each.number, found),
            age(each.at, now),
            each.by,
            each.image,
            each.why,
        ]
        for each in found.revisions
    ]
    for line in Table(["REVISION", "AGE", "BY", "IMAGE", "WHY"]).lines(rows):
        click.echo(line)
    if found.message:
        note(f"no revision of service/{name} is known: {found.message}")


@rollout.command(cls=Command, namespaced=True)
@_service
@click.option("--to", "number", type=click.IntRange(1), metavar="N", help="The revision; else the one before.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for the history.")
@_force
def undo(words: tuple[str, ...], number: int | None, reason: str, force: bool) -> None:
    """Declare an earlier template again. What has it already is left alone.

    \b
      taskyard rollout undo service/web                           the one before
      taskyard rollout undo web --to 3 --reason "loses orders"    as `rollout history` numbers them
    """
    client, namespace, name = _named(words, "rollout undo service/web --to 3")
    found = client.revisions(namespace, name)
    by_number = {each.number: each for each in found.revisions}
    before = [each.number for each in found.revisions[:-1]]
    if number is None:
        if not before:
            raise Failed(f"service/{name} has no earlier template", "see `taskyard rollout history`")
        number = before[-1]
    if number not in by_number:
        raise Failed(f"there is no revision {number} of service/{name}", f"there are {', '.join(map(str, by_number))}")
    _declare_again(client, namespace, name, found, number, reason or f"undone to revision {number}", force=force)


@rollout.command(cls=Command, namespaced=True)
@_service
@_force
def promote(words: tuple[str, ...], force: bool) -> None:
    """Let a template go beyond its canaries, to all other tasks.

    \b
      taskyard rollout promote service/web
    """
    client, namespace, name = _named(words, "rollout promote service/web")
    item = client.service(namespace, name)
    status = item.view.status
    if status.phase != "AwaitingPromotion":
        raise Failed(f"service/{name} does not wait for a promotion", f"it is {progress_of(item.view)}")
    _patch(client, namespace, name, {}, force, {PROMOTED_REVISION: str(status.revision)})
    click.echo(f"revision {status.revision} of service/{name} goes to all tasks")


@rollout.command(cls=Command, namespaced=True)
@_service
@click.option("--reason", default="", metavar="TEXT", help="Why, for the history.")
@_force
def abort(words: tuple[str, ...], reason: str, force: bool) -> None:
    """Declare the last template again that all tasks had. What has it still is left alone.

    \b
      taskyard rollout abort service/web
    """
    client, namespace, name = _named(words, "rollout abort service/web")
    found = client.revisions(namespace, name)
    templates = {each.number: each.template for each in found.revisions}
    if not found.stable or templates[found.stable] == found.revisions[-1].template:
        progress_now = progress_of(client.service(namespace, name).view)
        raise Failed(f"service/{name} has nothing to go back from: {progress_now}", "see `taskyard rollout history`")
    _declare_again(client, namespace, name, found, found.stable, reason or "aborted", force=force)


@rollout.command(cls=Command, namespaced=True)
@_service
@_force
def pause(words: tuple[str, ...], force: bool) -> None:
    """Stop where it is; other templates wait until it is resumed.

    \b
      taskyard rollout pause service/web
      taskyard rollout resume service/web         goes on
    """
    client, namespace, name = _named(words, "rollout pause service/web")
    _patch(client, namespace, name, {"paused": True}, force)
    click.echo(f"service/{name} paused")


@rollout.command(cls=Command, namespaced=True)
@_service
@_force
def resume(words: tuple[str, ...], force: bool) -> None:
    """Go on, after a pause or after a failure: what has failed is started anew.

    \b
      taskyard rollout resume service/web
    """
    client, namespace, name = _named(words, "rollout resume service/web")
    _patch(client, namespace, name, {"paused": None}, force, {RESUMED_AT: timestamp(SystemClock().now())})
    click.echo(f"service/{name} resumed")


@rollout.command(cls=Command, namespaced=True)
@_service
@click.option("--reason", default="restarted", metavar="TEXT", help="Why, for the history.")
@_force
def restart(words: tuple[str, ...], reason: str, force: bool) -> None:
    """Start every task anew, a few at a time, as an update does.

    \b
      taskyard rollout restart service/web
      taskyard rollout status web                 waits until it is through
    """
    client, namespace, name = _named(words, "rollout restart service/web")
    label = {_RESTARTED_AT: timestamp(SystemClock().now())}
    spec = {"template": {"spec": {"containerLabels": label}}}
    paused = _patch(client, namespace, name, spec, force, {CHANGE_CAUSE: reason}).status.phase == "Paused"
    waits = f" once it is resumed: it is paused; taskyard rollout resume {name}" if paused else ""
    click.echo(f"service/{name} restarts{waits}")


@click.command(cls=Command, namespaced=True)
@_service
@click.option("--replicas", type=click.IntRange(0, 10000), metavar="N", help="How many tasks it is to have.")
@click.option("--wait", is_flag=True, help="Wait until there are so many, and ready.")
@wait_timeout("5m")
@_force
def scale(words: tuple[str, ...], replicas: int | None, wait: bool, timeout: float, force: bool) -> None:
    """Set how many tasks a service has.

    \b
      taskyard scale service/web --replicas 5
      taskyard scale web --replicas 0 --wait      stops them all, and waits until they are gone
    """
    if replicas is None:
        name, number = _as_elsewhere(words)
        raise Failed(
            "say how many tasks the service is to have: --replicas N",
            f"for example: taskyard scale {name} --replicas {number}",
        )
    client, namespace, name = _named(words, "scale service/web --replicas 5")
    if _the(client, namespace, name).status.autoscale is not None:
        raise Failed(f"service/{name} is autoscaled", "change spec.autoscale.min and max, or remove spec.autoscale")
    _patch(client, namespace, name, {"replicas": replicas}, force)
    click.echo(f"service/{name} scaled to {replicas}")
    if wait:
        _wait(client, namespace, name, timeout)


def _as_elsewhere(words: tuple[str, ...]) -> tuple[str, str]:
    """Service and number, of `scale web 2` and `scale web=2`."""
    name, _, number = words[0].partition("=")
    last = words[-1] if len(words) > 1 else number
    return name, last if last.isdigit() else "5"


def _named(words: tuple[str, ...], example: str) -> tuple[Client, str, str]:
    """`web`, `service/web` and `service web` are the same here."""
    first = words[0]
    alone = len(words) == 1 and "/" not in first and find_kind(first) is None
    target = one_target([f"service/{first}"] if alone else words, example)
    if target.kind is not Kind.SERVICE:
        raise Failed(f"{target} is not a service", f"for example: taskyard {example}")
    current = session()
    return current.client(), current.namespace_or_default(), target.name


def _the(client: Client, namespace: str, name: str) -> ServiceView:
    try:
        return client.service(namespace, name).view
    except NotFound:
        try:
            client.task(namespace, name)
        except NotFound:
            pass
        else:
            raise Failed(
                f"task/{name} is a task: there is one of it, and no service of that name",
                "a service has as many as you say: kind: Service, with spec.replicas",
            ) from None
        raise


def _marked(number: int, found: RevisionsView) -> str:
    if number != found.revision:
        return str(number)
    return f"{number}* canary" if found.canary else f"{number}*"


def _patch(
    client: Client,
    namespace: str,
    name: str,
    spec: dict[str, Any],
    force: bool,
    annotations: dict[str, str] | None = None,
) -> ServiceView:
    """Says who did it, too: whoever declared it last did not."""
    told = {CHANGED_BY: login_name() or None, **(annotations or {})}
    patch = {"metadata": {"annotations": told}, **({"spec": spec} if spec else {})}
    client.patch_object(Kind.SERVICE.names, namespace, name, patch, force=force)
    return client.service(namespace, name).view


def _declare_again(
    client: Client, namespace: str, name: str, found: RevisionsView, number: int, because: str, *, force: bool
) -> None:
    item = client.service(namespace, name)
    manifest = item.data()
    manifest["spec"]["template"] = next(each.template for each in found.revisions if each.number == number)
    annotations = manifest["metadata"].setdefault("annotations", {})
    annotations[CHANGE_CAUSE] = because
    annotations.pop(CHANGED_BY, None)  # Whoever declared it last did not do this.
    if by := login_name():
        annotations[CHANGED_BY] = by
    names, match = Kind.SERVICE.names, str(item.view.metadata.revision)
    client.replace_object(names, namespace, name, manifest, if_match=match, force=force)
    click.echo(f"service/{name} goes back to revision {number}")


def _wait(client: Client, namespace: str, name: str, timeout: float) -> None:
    with progress() as shown:
        awaited = [awaited_service(namespace, name)]
        complaints = wait_for_rollouts(client, awaited, clock=SystemClock(), timeout=timeout, progress=shown)
    for complaint in complaints:
        complain(complaint)
    if complaints:
        raise Failed()
