"""What can go wrong on the way up, in words for the person who typed the command."""

from __future__ import annotations

from pathlib import Path

TAIL = 15
"""Lines of a log that are shown where something failed."""


class LocalError(Exception):
    """What is wrong, where, and what to do; `log` is the file that holds the rest of the story."""

    def __init__(self, message: str, *, hint: str = "", log: Path | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.log = log

    def __str__(self) -> str:
        lines = [self.message]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        if self.log is not None:
            lines.append(f"  log: {self.log}")
            lines += [f"    | {line}" for line in last_lines(self.log)]
        return "\n".join(lines)


def last_lines(log: Path, count: int = TAIL) -> list[str]:
    """The end of a log; empty when there is none. Reads 64 KiB at most, however large the file is."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 65536))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return text.splitlines()[-count:]
