"""`taskyard diff`: what an apply would change, field by field; the answer is the server's to a dry run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from taskyard.cli.exits import Exit
from taskyard.cli.options import files
from taskyard.cli.session import Command, session
from taskyard.cli.table import colour_wanted, painted

if TYPE_CHECKING:
    from taskyard.client.views import ApplyResult, FieldChange

_RED, _GREEN, _CYAN, _BOLD = "31", "32", "36", "1"


@click.command(cls=Command, namespaced=True)
@files(required=True)
@click.option("--force", is_flag=True, help="As if a watched folder's objects were taken over.")
def diff(filenames: tuple[str, ...], force: bool) -> int:
    """Show what `apply` would change. Exits 0 for nothing, 2 for changes, 1 for an error."""
    from taskyard.cli.manifests import read_manifests

    current = session()
    manifests = read_manifests(filenames, current.namespace, left="nothing was compared")

    from taskyard.client.api import Sent

    sent = [Sent(manifest.source, manifest.data) for manifest in manifests]
    results = current.client().apply(sent, dry_run=True, force=force).results
    colour = colour_wanted(sys.stdout)
    changed = False
    for manifest, result in zip(manifests, results, strict=True):
        if result.result == "unchanged":
            continue
        changed = True
        for line in difference(result, manifest.source, manifest.data):
            click.echo(painted(line, _colour(line), colour))
    return Exit.CHANGES if changed else Exit.DONE


def difference(result: ApplyResult, source: str, declared: dict[str, Any]) -> Iterator[str]:
    """As a unified diff reads: two header lines, then for each field where it is, what goes and what comes."""
    label = f"{result.kind.lower()}/{result.name}"
    yield f"--- {'/dev/null' if result.result == 'created' else f'{label} (as it is)'}"
    yield f"+++ {label} ({source})"
    if result.result == "created":
        yield from _lines("+", declared)
        return
    for change in result.changes:
        yield from _field(change)


def _field(change: FieldChange) -> Iterator[str]:
    yield f"@@ {change.path} @@"
    yield from _lines("-", change.old)
    yield from _lines("+", change.new)


def _lines(sign: str, value: Any) -> Iterator[str]:
    """Nothing for a field that is not there."""
    if value is None:
        return
    from taskyard.manifest import to_yaml

    for line in to_yaml(value).rstrip("\n").splitlines():
        if line != "...":
            yield f"{sign}{line}"


def _colour(line: str) -> str:
    if line.startswith(("---", "+++")):
        return _BOLD
    return {"-": _RED, "+": _GREEN, "@": _CYAN}.get(line[:1], "")
