"""Objects on stdout, in the form that `-o` asks for, once or again at each change. Used by `get` and `events`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import click

from taskyard.cli import formats
from taskyard.cli.failure import note
from taskyard.cli.rows import columns
from taskyard.cli.shelf import Shelf
from taskyard.cli.table import Table
from taskyard.client.errors import ClientError
from taskyard.client.selection import Selection
from taskyard.client.views import View
from taskyard.client.watch import Change, Item, Patience
from taskyard.clock import Clock

V = TypeVar("V", bound=View)
OUTPUTS = ("wide", "json", "yaml", "name")


@dataclass(frozen=True, slots=True)
class Manner:
    """How to show: `output` is one of OUTPUTS, or empty for the table."""

    output: str = ""
    namespaces: bool = False
    header: bool = True


class Printer(Generic[V]):
    """Prints batches of one kind, keeping a table's columns aligned from batch to batch."""

    def __init__(self, shelf: Shelf[V], manner: Manner, *, prefix_kind: bool = False) -> None:
        self._shelf = shelf
        self._manner = manner
        self._prefix = prefix_kind
        self._columns = columns(shelf.columns, wide=manner.output == "wide", namespaces=manner.namespaces)
        self._table = Table([column.title for column in self._columns])
        self._header = manner.header

    def table(self, views: Sequence[V], now: float) -> None:
        _out(self._table.lines([self._row(view, now) for view in views], header=self._header))
        self._header = False

    def changes(self, batch: Sequence[Change[V]], now: float) -> None:
        """A row, a JSON line with the type of change, a YAML document or a name for each."""
        output = self._manner.output
        if output == "json":
            _out([formats.json_line({"type": c.type, "object": c.item.data()}) for c in batch])
        elif output == "yaml":
            _out(["---\n" + formats.yaml_text([c.item.data()]).rstrip("\n") for c in batch])
        elif output == "name":
            _out([self._shelf.label(c.item.view) for c in batch])
        elif batch:
            rows = [self._row(c.item.view, now, gone=c.type == "DELETED") for c in batch]
            _out(self._table.lines(rows, header=self._header))
            self._header = False

    def _row(self, view: V, now: float, *, gone: bool = False) -> list[str]:
        cells = []
        for column in self._columns:
            cell = column.cell(view, now)
            if column.title == "NAME" and self._prefix:
                cell = self._shelf.label(view)
            if gone and column.title in ("STATE", "STATUS"):
                cell = "Deleted"
            cells.append(cell)
        return cells


def show(found: Sequence[tuple[Shelf[Any], Sequence[Item[Any]]]], manner: Manner, now: float, *, single: bool) -> None:
    """Once. `single`: one object was asked for by name, so JSON is that object and not a list."""
    every = [item for _, items in found for item in items]
    if manner.output == "json":
        kind = found[0][0].list_kind if len(found) == 1 else "List"
        listed = {"apiVersion": "taskyard/v1", "kind": kind, "items": [item.data() for item in every]}
        _out([formats.json_text(every[0].data() if single and every else listed)])
    elif manner.output == "yaml":
        click.echo(formats.yaml_text([item.data() for item in every]), nl=False)
    elif manner.output == "name":
        _out([shelf.label(item.view) for shelf, items in found for item in items])
    else:
        shown = [(shelf, items) for shelf, items in found if items]
        for index, (shelf, items) in enumerate(shown):
            if index:
                click.echo()
            Printer(shelf, manner, prefix_kind=len(found) > 1).table([item.view for item in items], now)


def follow(shelf: Shelf[V], selection: Selection, manner: Manner, clock: Clock, only: frozenset[str]) -> None:
    """Until Ctrl-C. `only`: the names to show, empty for all."""
    printer = Printer(shelf, manner)
    patience = Patience(clock=clock, on_break=tell_of_outage)
    wanted = {f"{shelf.kind}/{name}" for name in only}
    for batch in shelf.watch(selection, patience):
        chosen = [change for change in batch if not wanted or shelf.label(change.item.view) in wanted]
        printer.changes(chosen, clock.now())


def tell_of_outage(error: ClientError | None) -> None:
    note("the connection is back" if error is None else f"{error}; trying again until it is back")


def _out(lines: Sequence[str]) -> None:
    if lines:
        click.echo("\n".join(lines))
        sys.stdout.flush()
