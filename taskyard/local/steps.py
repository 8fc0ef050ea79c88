"""How `up` and `down` show what they are doing: a spinner on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console


class Steps:
    """Each step is announced while it runs, and leaves one line when it is done."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(file=sys.stdout, highlight=False, soft_wrap=True)

    def say(self, line: str) -> None:
        self.console.print(f"  {line}", markup=False)

    @contextmanager
    def step(self, doing: str) -> Iterator[list[str]]:
        """What is appended to the list becomes the line that stays."""
        result: list[str] = []
        started = time.monotonic()
        with self._spinner(doing):
            yield result
        took = time.monotonic() - started
        shown = f" ({took:.1f} s)" if took >= 1 else ""
        self.console.print(f"  [green]✓[/green] {_escaped(result[-1] if result else doing)}{shown}")

    def _spinner(self, doing: str) -> AbstractContextManager[object]:
        if self.console.is_terminal:
            return self.console.status(f"{_escaped(doing)} …")
        self.console.print(f"  … {doing}", markup=False)
        return nullcontext()


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
