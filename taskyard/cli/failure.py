"""How a command says that something did not work: one error that ends it, or one of several where it goes on."""

from __future__ import annotations

import click


class Failed(Exception):
    """The command could not do what it was asked. The message says why, `hint` what to do; empty: all was said."""

    def __init__(self, message: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def complain(message: str, hint: str = "") -> None:
    """One error of several; the command goes on, and ends with `Failed()`."""
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)


def note(message: str) -> None:
    """Something a person may want to know, on stderr."""
    click.echo(message, err=True)
