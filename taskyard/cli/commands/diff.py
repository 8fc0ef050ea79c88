"""`taskyard diff`: what an apply would change, or what changed between two moments, field by field."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from taskyard.cli.exits import Exit
from taskyard.cli.failure import Failed, note
from taskyard.cli.options import Moment, files
from taskyard.cli.session import Command, session
from taskyard.cli.table import colour_wanted, painted
from taskyard.cli.unified import colour_of, field_lines, value_lines

if TYPE_CHECKING:
    from taskyard.client.past_views import DifferencesView, DifferenceView
    from taskyard.client.views import ApplyResult


@click.command(cls=Command, namespaced=True)
@files(required=False)
@click.option("--force", is_flag=True, help="As if a watched folder's objects were taken over.")
@click.option("--from", "start", type=Moment(), metavar="REV|TIME|AGO", help="Instead: what changed since (10m, 1042).")
@click.option("--to", "end", type=Moment(), metavar="REV|TIME|AGO", help="Until when (now).")
@click.option("-A", "--all-namespaces", is_flag=True, help="With --from: of every namespace, and nodes.")
def diff(filenames: tuple[str, ...], force: bool, start: str | None, end: str | None, all_namespaces: bool) -> int:
    """Show what `apply` would change, or what changed between two moments.

    \b
      taskyard diff -f web.yaml                 what an apply would change
      taskyard diff --from 10m                  what was declared, changed and removed in the last ten minutes
      taskyard diff --from 1042 --to 2000 -A    between two revisions of the store, everywhere

    Exits 0 for nothing, 2 for changes, 1 for an error.
    """
    if start is not None and not filenames and not force:
        return _between(start, end or "", all_namespaces)
    if start is not None or end is not None or all_namespaces or not filenames:
        raise Failed("say what to compare", "-f FILE with what there is, or --from TIME with what there was")
    return _manifests(filenames, force)


def _manifests(filenames: tuple[str, ...], force: bool) -> int:
    from taskyard.cli.manifests import read_manifests

    current = session()
    manifests = read_manifests(filenames, current.namespace, left="nothing was compared")

    from taskyard.client.api import Sent

    sent = [Sent(manifest.source, manifest.data) for manifest in manifests]
    results = current.client().apply(sent, dry_run=True, force=force).results
    changed = False
    for manifest, result in zip(manifests, results, strict=True):
        if result.result == "unchanged":
            continue
        changed = True
        _print(difference(result, manifest.source, manifest.data))
    return Exit.CHANGES if changed else Exit.DONE


def _between(start: str, end: str, everywhere: bool) -> int:
    current = session()
    found: DifferencesView = current.client().differences(
        start, end, "" if everywhere else current.namespace_or_default()
    )
    for each in found.objects:
        _print(_changed(each, found.first, found.last))
    if not found.objects:
        note(f"nothing that is declared changed between revisions {found.first} and {found.last}")
    return Exit.CHANGES if found.objects else Exit.DONE


def difference(result: ApplyResult, source: str, declared: dict[str, Any]) -> Iterator[str]:
    """Two header lines, then each field."""
    label = f"{result.kind.lower()}/{result.name}"
    yield f"--- {'/dev/null' if result.result == 'created' else f'{label} (as it is)'}"
    yield f"+++ {label} ({source})"
    if result.result == "created":
        yield from value_lines("+", declared)
        return
    for change in result.changes:
        yield from field_lines(change)


def _changed(found: DifferenceView, first: int, last: int) -> Iterator[str]:
    where = f" in namespace {found.namespace}" if found.namespace not in ("", "default") else ""
    label = f"{found.kind.lower()}/{found.name}{where}"
    yield f"--- {'/dev/null' if found.what == 'created' else f'{label} (revision {first})'}"
    yield f"+++ {'/dev/null' if found.what == 'removed' else f'{label} (revision {last})'}"
    for change in found.changes:
        yield from field_lines(change)


def _print(lines: Iterator[str]) -> None:
    colour = colour_wanted(sys.stdout)
    for line in lines:
        click.echo(painted(line, colour_of(line), colour))
