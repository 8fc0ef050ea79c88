"""How ends and waits are put into words, for messages. Pure."""

from __future__ import annotations

import signal

from taskyard.quantity import format_duration

KILLED = 128 + signal.SIGKILL
"""The exit code of what SIGKILL ended."""


def described_exit(code: int | None) -> str:
    if code is not None and code > 128:
        try:
            return f"killed by {signal.Signals(code - 128).name} (exit code {code})"
        except ValueError:
            pass
    return f"exited with code {code}"


def in_about(wait: float) -> str:
    """Seconds, rounded for people."""
    return format_duration(round(wait, 1) or wait)
