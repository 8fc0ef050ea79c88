"""Numbers over time in one line of characters: `▁▃▇`. Pure."""

from __future__ import annotations

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
WIDTH = 40


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """The last `width` of them, from nothing to the largest; all of nothing is a flat line."""
    shown = list(values)[-width:]
    top = max(shown, default=0)
    return "".join(_BARS[round(value / top * (len(_BARS) - 1))] if top > 0 else _BARS[0] for value in shown)
