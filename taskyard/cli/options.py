"""Options and arguments that several commands take, and the types of their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from taskyard.clock import SystemClock, timestamp

F = TypeVar("F", bound=Callable[..., Any])


class Duration(click.ParamType[float]):
    """Seconds, from `90`, `90s`, `1m30s`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from taskyard.quantity import seconds

        try:
            return seconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Moment(click.ParamType[str]):
    """A revision, a moment, or how long ago (`10m`), as the server takes it."""

    name = "moment"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value.isdigit() or "T" in value or "-" in value:
            return value
        from taskyard.quantity import seconds

        try:
            ago = seconds(value)
        except ValueError:
            accepted = "how long ago (10m, 1h30m), a moment (2026-11-22T20:57:48Z) or a revision (1042)"
            self.fail(f"'{value}' is no moment: write {accepted}", param, ctx)
        return timestamp(SystemClock().now() - ago)


def as_of(function: F) -> F:
    """`--at`, which arrives as `moment`."""
    return click.option(
        "--at", "moment", type=Moment(), metavar="REV|TIME|AGO", help="As it was then: 10m, 1042, 2026-11-22T20:57:48Z."
    )(function)


def files(*, required: bool) -> Callable[[F], F]:
    """`-f`, any number of times."""
    return click.option(
        "-f",
        "--filename",
        "filenames",
        multiple=True,
        required=required,
        metavar="FILE|DIR|-",
        type=click.Path(exists=True, allow_dash=True),
        help="A manifest, a folder of them (all below it), or - for stdin. May be given again.",
    )


def wait_timeout(default: str | None) -> Callable[[F], F]:
    shown = default or "no limit"
    return click.option(
        "--timeout", type=Duration(), default=default, metavar="TIME", help=f"How long to wait: 90s, 5m ({shown})."
    )
