"""Tables as kubectl has them: aligned columns, a header in capitals, nothing cut off. And the colour of a state.

Pure but for asking whether a stream is a terminal; who prints is the command.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from typing import TextIO

_GAP = 3
_COLOURED_COLUMNS = ("STATE", "STATUS", "TYPE", "")
_COLOURS = {
    "Running": "32",
    "Ready": "32",
    "Pending": "33",
    "Scheduled": "33",
    "Starting": "33",
    "Stopping": "33",
    "Cordoned": "33",
    "Maintenance": "33",
    "DiskPressure": "31",
    "MemoryPressure": "31",
    "PidPressure": "31",
    "RuntimeDown": "31",
    "ClockSkew": "33",
    "Warning": "33",
    "!": "33",
    "Failed": "31",
    "Lost": "31",
    "NotReady": "31",
    "Unknown": "35",
    "Completed": "34",
    "Deleted": "2",
}


def colour_wanted(stream: TextIO) -> bool:
    """On a terminal that can, unless NO_COLOR is set (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def terminal_width() -> int:
    """Columns to keep text within; 100 where there is no terminal to fill."""
    return max(shutil.get_terminal_size((100, 0)).columns, 80) if sys.stdout.isatty() else 100


def painted(text: str, code: str, wanted: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if wanted and code else text


def state_colour(text: str) -> str:
    """The code for a state (`Ready,Cordoned` goes by its last word); empty for any other text."""
    return _COLOURS.get(text.rsplit(",", 1)[-1], "")


class Table:
    """Rows under a header. Widths only grow, so that rows which come later (-w) line up with those above."""

    def __init__(self, columns: Sequence[str], *, colour: bool | None = None) -> None:
        self.columns = tuple(columns)
        self._widths = [len(column) for column in columns]
        self._colour = colour_wanted(sys.stdout) if colour is None else colour

    def lines(self, rows: Sequence[Sequence[str]], *, header: bool = True) -> list[str]:
        """The header is uncoloured; in the rows each state has its colour."""
        shown = [[cell or "-" for cell in row] for row in rows]
        for row in shown:
            self._widths = [max(width, len(cell)) for width, cell in zip(self._widths, row, strict=True)]
        lines = [self._line(self.columns, False)] if header else []
        return [*lines, *(self._line(row, self._colour) for row in shown)]

    def room_before_last(self, rows: Sequence[Sequence[str]]) -> int:
        """Columns that all but the last column of these rows take, with the gaps."""
        widths = [max(len(cell) for cell in column) for column in zip(self.columns, *rows, strict=True)]
        return sum(widths[:-1]) + _GAP * (len(widths) - 1)

    def _line(self, row: Sequence[str], colour: bool) -> str:
        cells = [
            painted(cell, state_colour(cell), colour and column in _COLOURED_COLUMNS) + " " * (width - len(cell) + _GAP)
            for cell, column, width in zip(row, self.columns, self._widths, strict=True)
        ]
        return "".join(cells).rstrip(" ")
