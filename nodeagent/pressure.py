"""Which of the node's resources run out, so that nothing new is placed here and what nobody needs is removed. Pure.

A condition begins at one mark and ends at another, so that it does not come and go with every container. Measured by
nodeagent/host.py, told to the registration by nodeagent/housekeeping.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from taskyard.quantity import format_bytes

Pressure = Literal["DiskPressure", "MemoryPressure", "PidPressure"]

_GI, _MI = 2**30, 2**20


@dataclass(frozen=True, slots=True)
class Stock:
    """What is left of something, and how much there is of it in all."""

    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Pressure when less is free than this share of all; but never with as much as `plenty` left."""

    share: float
    plenty: int

    def short(self, stock: Stock) -> bool:
        return stock.total > 0 and stock.free < min(stock.total * self.share, self.plenty)


@dataclass(frozen=True, slots=True)
class Limits:
    """`begins` is below `ends`."""

    begins: Mark
    ends: Mark


LIMITS: Mapping[Pressure, Limits] = {
    "DiskPressure": Limits(Mark(0.05, 10 * _GI), Mark(0.08, 15 * _GI)),
    "MemoryPressure": Limits(Mark(0.03, 512 * _MI), Mark(0.05, 768 * _MI)),
    "PidPressure": Limits(Mark(0.05, 2_000), Mark(0.10, 4_000)),
}


def pressures(stocks: Mapping[Pressure, Stock], before: Iterable[str]) -> tuple[Pressure, ...]:
    """Those that hold now, in order of their names."""
    held = set(before)
    marks = {name: limits.ends if name in held else limits.begins for name, limits in LIMITS.items()}
    return tuple(sorted(name for name, stock in stocks.items() if marks[name].short(stock)))


def told(pressure: Pressure, stock: Stock) -> str:
    """In a sentence."""
    if pressure == "PidPressure":
        return f"{stock.free} of {stock.total} process ids are free"
    of_what = "of its fullest disk" if pressure == "DiskPressure" else "of memory"
    free, total = (format_bytes(count // _MI * _MI) for count in (stock.free, stock.total))
    return f"{free} of {total} {of_what} are free"
