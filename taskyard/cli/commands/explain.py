"""`taskyard explain`: what a manifest's field means, from the schemas; needs no server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from taskyard.cli.failure import Failed
from taskyard.cli.field_help import explanation, find, read_path
from taskyard.cli.kinds import Kind, find_kind
from taskyard.cli.session import Command
from taskyard.manifest import schemas

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_KINDS: dict[Kind, schemas.Kind] = {Kind.TASK: "Task", Kind.NODE: "Node"}


def _complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    parents, dot, name = incomplete.rpartition(".")
    if not dot:
        return [CompletionItem(kind.value) for kind in _KINDS if kind.value.startswith(name)]
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


def _read(text: str) -> tuple[schemas.Kind, list[str]]:
    """The kind, and the path below it; a path that begins with none (`spec.ports`) is a task's."""
    path = read_path(text)
    kind = find_kind(path[0]) if path else None
    return (_KINDS[kind], path[1:]) if kind in _KINDS else ("Task", path)
