"""What is said on stderr while a command waits: a live list on a terminal, a plain line for each change anywhere else.

rich is imported only for the live list. Who waits, and for what, is taskyard/cli/waiting.py's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from taskyard.cli.failure import note

if TYPE_CHECKING:
    from rich.live import Live

SHOWN = 12
"""Lines of the live list; the rest is a number."""


class Progress(Protocol):
    def show(self, waiting: dict[str, str]) -> None:
        """What is waited for, and how far each is; called at each change."""
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

    def show(self, waiting: dict[str, str]) -> None:
        for label, text in waiting.items():
            self.settled(label, text)

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

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, waiting: dict[str, str]) -> None:
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 1))
        width = max((len(label) for label in waiting), default=0)
        room = max(self._live.console.width - width - 4, 20)
        for label, text in list(waiting.items())[:SHOWN]:
            cut = text if len(text) <= room else text[: room - 1] + "…"
            grid.add_row(Spinner("dots"), Text(label), Text(cut))
        if len(waiting) > SHOWN:
            grid.add_row("", f"and {len(waiting) - SHOWN} more", "")
        self._live.update(grid)

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


@contextmanager
def progress() -> Iterator[Progress]:
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    # Left to itself, rich sends what goes to stdout to where its list is: stderr.
    with Live(console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as live:
        yield Living(live)
