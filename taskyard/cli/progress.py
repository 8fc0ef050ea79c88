"""What is said on stderr while a command waits: a live list on a terminal, a plain line for each change anywhere else.

rich is imported only for the live list. Who waits, and for what, is taskyard/cli/waiting.py's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

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
        """A line that stays."""
        ...


class Lines:
    """For logs and pipes: a line when what is known of one changes."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def show(self, waiting: dict[str, str]) -> None:
        for label, text in waiting.items():
            if self._said.get(label) != text:
                note(f"{label}: {text}")
        self._said = {**self._said, **waiting}

    def say(self, line: str) -> None:
        note(line)


class Living:
    """For a terminal: the list redraws in place, with a spinner, and is gone at the end."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, waiting: dict[str, str]) -> None:
        from rich.markup import escape
        from rich.spinner import Spinner
        from rich.table import Table

        grid = Table.grid(padding=(0, 1))
        for _ in range(2):
            grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        for label, text in list(waiting.items())[:SHOWN]:
            grid.add_row(Spinner("dots"), escape(label), escape(text))
        if len(waiting) > SHOWN:
            grid.add_row("", f"and {len(waiting) - SHOWN} more", "")
        self._live.update(grid)

    def say(self, line: str) -> None:
        self._live.console.print(line, markup=False, highlight=False)


@contextmanager
def progress(*, silent: bool = False) -> Iterator[Progress]:
    if silent or not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), transient=True, refresh_per_second=10) as live:
        yield Living(live)
