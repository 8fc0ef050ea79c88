"""The exit codes, in one table; docs/cli.md shows the same to users."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    DONE = 0
    ERROR = 1
    CHANGES = 2
    """Of `diff`, `plan` and `--dry-run`: it worked, and there is something that an apply would change."""
    DOES_NOT_FIT = 3
    """Of `plan`: something would have no node, or lose it."""
    STALE = 4
    """Of `apply PLANFILE`: the plan would not do any more what it says, and nothing was changed."""
    INTERRUPTED = 130
    """Ctrl-C: 128 and the number of SIGINT, as a shell has it."""
    BROKEN_PIPE = 141
    """The reader of stdout went away (`| head`): 128 and the number of SIGPIPE."""
