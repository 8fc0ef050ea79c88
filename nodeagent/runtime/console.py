"""What people may ask about the inside of a container, in our own types. The asking is docker_console.py's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogOptions:
    """`tail` None: all lines. `since` in seconds since the epoch, 0: from the start."""

    follow: bool = False
    tail: int | None = None
    timestamps: bool = False
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class ExecOptions:
    """A command to run in a container that runs. `tty`: under a terminal, its output and errors in one stream."""

    command: tuple[str, ...]
    stdin: bool = False
    tty: bool = False
    user: str = ""
    workdir: str = ""
    env: tuple[str, ...] = ()
    """`NAME=value`"""
