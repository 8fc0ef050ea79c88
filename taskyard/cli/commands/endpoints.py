"""`taskyard endpoints`: where services are reached, as a table or as a proxy's configuration, kept up to date."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from taskyard.cli import complete
from taskyard.cli.failure import Failed, complain, note
from taskyard.cli.formats import json_text, yaml_text
from taskyard.cli.kinds import Kind, read_targets
from taskyard.cli.listing import tell_of_outage
from taskyard.cli.proxies import PROXIES
from taskyard.cli.session import Command, session
from taskyard.cli.table import Table
from taskyard.client.api import Client
from taskyard.client.selection import Selection
from taskyard.client.views import EndpointsView, EndpointView
from taskyard.client.watch import Item, Patience

Found = dict[str, Item[EndpointsView]]


@click.command(cls=Command, namespaced=True)
@click.argument("words", nargs=-1, metavar="[service] [NAME]...", shell_complete=complete.service_names)
@click.option("-A", "--all-namespaces", is_flag=True, help="Of every namespace.")
@click.option("-l", "--selector", default="", metavar="SEL", help="Of services with these labels: app=web.")
@click.option(
    "-o", "--output", type=click.Choice(["json", "yaml", *PROXIES]), help="For programs, or a proxy's configuration."
)
@click.option("--bind", default=":80", show_default=True, metavar="ADDRESS", help="Where the proxy listens.")
@click.option("-w", "--watch", is_flag=True, help="Go on, at each change, until Ctrl-C.")
@click.option(
    "--write", "target", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Not to stdout."
)
@click.option("--then", metavar="COMMAND", help="A shell command after each FILE that was written.")
def endpoints(
    words: tuple[str, ...],
    all_namespaces: bool,
    selector: str,
    output: str | None,
    bind: str,
    watch: bool,
    target: Path | None,
    then: str | None,
) -> None:
    """Where services are reached: the addresses and ports of their tasks that are ready.

    \b
      taskyard endpoints                          of every service
      taskyard endpoints web -o json
      taskyard endpoints -o caddy                 by the host names in their annotation taskyard/http-host
      taskyard endpoints web -o haproxy --bind :8000 \\
        --watch --write /etc/haproxy/haproxy.cfg --then 'systemctl reload haproxy'

    The last one keeps a proxy up to date: the file is replaced whole, and only when it changes.
    """
    if then and target is None:
        raise Failed("--then is run after a file was written", "name it with --write FILE")
    current = session()
    client, namespace = current.client(), "" if all_namespaces else current.namespace_or_default()
    names = _names(words)
    written = ""
    for found in _rounds(client, Selection(namespace, selector), names, watch=watch):
        text = _text(list(found.values()), output, bind, namespaces=all_namespaces)
        if text == written:
            continue
        written = text
        if target is None:
            click.echo(text, nl=False)
            continue
        _replace(target, text)
        if then and (code := subprocess.run(then, shell=True, check=False).returncode):
            complain(f"`{then}` ended with exit code {code}", "")
            if not watch:
                raise Failed()


def _rounds(client: Client, selection: Selection, names: frozenset[str], *, watch: bool) -> Iterator[Found]:
    """All there is, and again at each change; Failed when one that is named is not there at first."""
    found: Found = {}
    if not watch:
        found = {_label(item.view): item for item in client.endpoints(selection).items}
        yield _chosen(found, names, strict=True)
        return
    strict = True
    for batch in client.watch_endpoints(selection, Patience(on_break=tell_of_outage)):
        for change in batch:
            if change.type == "DELETED":
                found.pop(_label(change.item.view), None)
            else:
                found[_label(change.item.view)] = change.item
        yield _chosen(found, names, strict=strict)
        strict = False


def _chosen(found: Found, names: frozenset[str], *, strict: bool) -> Found:
    there = {item.view.metadata.name for item in found.values()}
    missing = sorted(names - there)
    if missing and strict:
        raise Failed(
            f"there is no service {', '.join(map(repr, missing))}", "taskyard get services shows what there is"
        )
    if missing:
        note(f"service {', '.join(missing)} is gone")
    return {key: found[key] for key in sorted(found) if not names or found[key].view.metadata.name in names}


def _names(words: Sequence[str]) -> frozenset[str]:
    """`web`, `service web` and `service/web` are all the service."""
    if words and "/" not in words[0] and words[0].lower() not in ("service", "services", "svc"):
        return frozenset(words)
    targets = read_targets(words)
    if any(target.kind is not Kind.SERVICE for target in targets):
        raise Failed("only services have endpoints", "for example: taskyard endpoints service/web")
    return frozenset(target.name for target in targets if target.name)


def _label(view: EndpointsView) -> str:
    return f"{view.metadata.namespace}/{view.metadata.name}"


def _text(found: Sequence[Item[EndpointsView]], output: str | None, bind: str, *, namespaces: bool) -> str:
    if output == "json":
        listed = {"apiVersion": "taskyard/v1", "kind": "EndpointsList", "items": [item.data() for item in found]}
        return json_text(listed) + "\n"
    if output == "yaml":
        return yaml_text([item.data() for item in found])
    views = [item.view for item in found]
    if output is not None:
        return PROXIES[output](views, bind)
    rows = [
        [
            *([view.metadata.namespace] if namespaces else []),
            view.metadata.name,
            each.task,
            each.node,
            str(each.revision or "-"),
            _ports(each),
        ]
        for view in views
        for each in view.endpoints
    ]
    columns = [*(["NAMESPACE"] if namespaces else []), "SERVICE", "TASK", "NODE", "REVISION", "PORTS"]
    return "\n".join(Table(columns).lines(rows)) + "\n"


def _ports(endpoint: EndpointView) -> str:
    """`http=10.0.0.1:32768`, with the number of the container's port where it has no name."""
    return ",".join(f"{port.name or port.container}={port.address}:{port.port}" for port in endpoint.ports)


def _replace(target: Path, text: str) -> None:
    draft = target.with_name(f".{target.name}.new")
    try:
        draft.write_text(text)
        os.replace(draft, target)
    except OSError as error:
        raise Failed(f"{target}: {error.strerror}") from error
