"""A page that is printed again every few seconds until Ctrl-C (-w): on a terminal in place, elsewhere one by one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import click

_HOME = "\x1b[H\x1b[J"
_CLEAR = "\x1b[2J"


def refresh(page: Callable[[], str], interval: float, *, again: bool) -> None:
    """Once without `again`."""
    live = again and sys.stdout.isatty()
    if live:
        click.echo(_CLEAR, nl=False)
    while True:
        text = page()
        if text:
            click.echo((_HOME if live else "") + text)
            sys.stdout.flush()
        if not again:
            return
        threading.Event().wait(interval)
