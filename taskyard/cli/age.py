"""How long ago, and how much, in the few characters that a column has. Pure: `now` is passed in."""

from __future__ import annotations

from taskyard.clock import parse_timestamp

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def age(moment: str, now: float) -> str:
    """Since an RFC 3339 moment: `45s`, `5m`, `3h20m`, `2d`; `-` when there is none. Never negative (skewed clocks)."""
    if not moment:
        return "-"
    try:
        return span(max(now - parse_timestamp(moment), 0))
    except ValueError:
        return moment


def until(moment: str, now: float) -> str:
    """The time left to an RFC 3339 moment: `16s`; `0s` once it has passed."""
    try:
        return span(max(parse_timestamp(moment) - now, 0))
    except ValueError:
        return moment


def span(seconds: float) -> str:
    """Two units at most, and the smaller only while it says something: as kubectl has it."""
    whole = int(seconds)
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        return _two(whole, _MINUTE, "m", 1, "s")
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole, _HOUR, "h", _MINUTE, "m")
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole, _DAY, "d", _HOUR, "h")
    return f"{whole // _DAY}d"


def size(count: int) -> str:
    """Bytes to three digits or so: `512Mi`, `1.5Gi`, `0`."""
    number = float(count)
    for unit in ("", "Ki", "Mi", "Gi"):
        if abs(number) < 1024:
            return _short(number) + unit
        number /= 1024
    return _short(number) + "Ti"


def cores(millis: int) -> str:
    """`250m`, `2`, `3.5`: cores when that is short, else millicores."""
    return f"{millis / 1000:g}" if millis % 100 == 0 and millis >= 1000 else f"{millis}m" if millis else "0"


def share(part: float, whole: float) -> str:
    """`12%`; `-` of nothing."""
    return f"{part / whole * 100:.0f}%" if whole else "-"


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 10 or number == int(number) else f"{number:.1f}"


def _two(whole: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    first, rest = divmod(whole, large)
    second = rest // small
    return f"{first}{large_unit}{second}{small_unit}" if second else f"{first}{large_unit}"
