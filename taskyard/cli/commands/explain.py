"""`taskyard explain`: what a manifest's field means, from the schemas; needs no server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from taskyard.cli.failure import Failed
from taskyard.cli.field_help import explanation, find, read_path
from taskyard.cli.kinds import DECLARED, find_kind, no_such_kind
from taskyard.cli.session import Command
from taskyard.kinds import Kind

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    parents, dot, name = incomplete.rpartition(".")
    if not dot:
        return [CompletionItem(kind.value) for kind in DECLARED if kind.value.startswith(name)]
    try:
        fields = find(*_read(parents)).writable()
    except Failed:
        return []
    return [CompletionItem(f"{parents}.{field}") for field in fields if field.startswith(name)]


@click.command(cls=Command)
@click.argument("field", default="task", shell_complete=_complete)
def explain(field: str) -> None:
    """What a field of a manifest means, with its type, default and an example.

    \b
      taskyard explain task.spec
      taskyard explain task.spec.ports.host
    """
    kind, path = _read(field)
    title = ".".join([kind.lower(), *path])
    click.echo("\n".join(explanation(title, find(kind, path))))


def _read(text: str) -> tuple[Kind, list[str]]:
    """The kind, and the path below it; one that begins with none (`spec.ports`) is a task's. Failed for neither."""
    path = read_path(text)
    kind = find_kind(path[0]) if path else None
    if kind is not None and kind in DECLARED:
        return kind.names.kind, path[1:]
    if path and path[0] not in find("Task", []).fields():
        raise no_such_kind(path[0])
    return "Task", path
