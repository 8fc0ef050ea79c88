"""What is said on stderr while a command waits: a live list on a terminal, a plain line for each change anywhere else.

rich is imported only for the live list. Who waits, and for what, is taskyard/cli/waiting.py's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from taskyard.cli.failure import note

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SHOWN = 12
"""Lines of the live list; the rest is a number."""


Told = str | Callable[[], str]
"""How far one is; what time alone changes is asked for each time that it is drawn."""


class Progress(Protocol):
    def show(self, waiting: Mapping[str, Told]) -> None:
        """What is waited for, and how far each is; called at each change, by any thread."""
        ...

    def say(self, line: str) -> None:
        """A line that stays, on stderr."""
        ...

    def settled(self, label: str, text: str) -> None:
        """What one has come to that was waited for: it stays, on stderr. Not said again when it is waited for anew."""
        ...

    def result(self, line: str) -> None:
        """A line of data, on stdout, at once."""
        ...


class Lines:
    """For logs and pipes: a line when what is known of one changes."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._known: Mapping[str, Told] | None = None
        """Without what time alone changes, which is told together with what changes besides."""

    def show(self, waiting: Mapping[str, Told]) -> None:
        known = {label: text for label, text in waiting.items() if isinstance(text, str)}
        changed, self._known = known != self._known, known
        for label, text in waiting.items():
            if changed or isinstance(text, str):
                self.settled(label, _text(text))

    def say(self, line: str) -> None:
        note(line)

    def settled(self, label: str, text: str) -> None:
        if self._said.get(label) != text:
            self._said[label] = text
            note(f"{label}: {text}")

    def result(self, line: str) -> None:
        click.echo(line)


class Living:
    """For a terminal: the list redraws in place, with a spinner, and is gone at the end."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live
        from rich.spinner import Spinner

        self._console = console
        self._spinner = Spinner("dots")
        self._waiting: Mapping[str, Told] = {}
        # Left to itself, rich sends what goes to stdout to where its list is: stderr.
        self._live = Live(
            console=console, transient=True, redirect_stdout=False, redirect_stderr=False, get_renderable=self._drawn
        )

    def __enter__(self) -> Living:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, waiting: Mapping[str, Told]) -> None:
        self._waiting = waiting
        self._live.refresh()

    def _drawn(self) -> Table:
        """Asked for a few times a second."""
        from rich.table import Table
        from rich.text import Text

        waiting, grid = self._waiting, Table.grid(padding=(0, 1))
        width = max((len(label) for label in waiting), default=0)
        room = max(self._console.width - width - 4, 20)
        for label, told in list(waiting.items())[:SHOWN]:
            text = _text(told)
            cut = text if len(text) <= room else text[: room - 1] + "…"
            grid.add_row(self._spinner, Text(label), Text(cut))
        if len(waiting) > SHOWN:
            grid.add_row("", f"and {len(waiting) - SHOWN} more", "")
        return grid

    def say(self, line: str) -> None:
        self._above(line, err=True)

    def settled(self, label: str, text: str) -> None:
        self._above(f"{label}: {text}", err=True)

    def result(self, line: str) -> None:
        self._above(line, err=False)

    def _above(self, line: str, *, err: bool) -> None:
        """Where the list stands, which begins anew below it: stdout may be the same terminal."""
        self._live.stop()
        click.echo(line, err=err)
        self._live.start()


def _text(told: Told) -> str:
    return told if isinstance(told, str) else told()


@contextmanager
def progress() -> Iterator[Progress]:
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console

    with Living(Console(stderr=True)) as living:
        yield living
