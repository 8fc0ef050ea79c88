"""Options and arguments that several commands take, and the types of their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

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
