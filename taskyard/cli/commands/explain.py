"""`taskyard explain`: what a manifest's field means, from the schemas; needs no server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from taskyard.cli.failure import Failed
from taskyard.cli.field_help import Fields, read_path
from taskyard.cli.kinds import Kind, find_kind
from taskyard.cli.session import Command

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_FILES = {Kind.TASK: "task.json", Kind.NODE: "node.json"}


def _complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    parents, dot, name = incomplete.rpartition(".")
    if not dot:
        return [CompletionItem(kind.value) for kind in _FILES if kind.value.startswith(name)]
    try:
        fields, path = _fields(parents)
        names = fields.names(path)
    except Failed:
        return []
    return [CompletionItem(f"{parents}.{field}") for field in names if field.startswith(name)]


@click.command(cls=Command)
@click.argument("field", default="task", metavar="FIELD", shell_complete=_complete)
def explain(field: str) -> None:
    """What a field of a manifest means, with its type, default and an example.

    \b
      taskyard explain task.spec
      taskyard explain task.spec.ports.host
    """
    fields, path = _fields(field)
    click.echo("\n".join(fields.explain(path)))


def _fields(text: str) -> tuple[Fields, list[str]]:
    """The kind's schema, and the path below it; a path that begins with `spec` is a task's."""
    from taskyard.manifest.schemas import load

    path = read_path(text)
    kind = find_kind(path[0]) if path else Kind.TASK
    if kind in _FILES:
        return Fields(load, _FILES[kind]), path[1:]
    return Fields(load, _FILES[Kind.TASK]), path
