"""Sets of numbers on the command line: `3,7-9`, and `none` for the empty one."""

from __future__ import annotations

from typing import Any

import click

_LARGEST = 100_000


class NumbersType(click.ParamType[frozenset[int]]):
    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[int]:
        if isinstance(value, frozenset):
            return value
        found: set[int] = set()
        for part in [] if value == "none" else str(value).split(","):
            first, dash, last = part.partition("-")
            if not first.isdecimal() or (dash and not last.isdecimal()) or int(last or first) > _LARGEST:
                self.fail(f"{part!r} is no number and no range; write 3,7-9, or none", param, ctx)
            found.update(range(int(first), int(last or first) + 1))
        return frozenset(found)


def written(numbers: frozenset[int]) -> str:
    """As `NumbersType` reads it."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(f"{a}-{b}" if b > a else str(a) for a, b in ranges) or "none"
