"""When a schedule is due: cron expressions in a time zone, daylight saving included. Pure; the one home of cronsim.

A time that a change of clocks leaves out is due as soon as the gap is over, and one that comes twice is due once, as
Debian's cron has it; what is due every hour or more often goes by time as it passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_WINDOWS = (3600.0, 86_400.0, 32 * 86_400.0, 366 * 86_400.0)
"""Seconds that are searched for the latest time that was due, until one is found."""


class BadSchedule(ValueError):
    """The message says what is wrong, and what to write."""


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadSchedule(f"there is no time zone {name!r}: write one such as Europe/Berlin, or UTC") from error


def check_schedule(schedule: str, zone: str) -> None:
    """Raises BadSchedule."""
    next(due_after(schedule, zone, 0.0), None)


def check_zone(zone: str) -> None:
    """Raises BadSchedule."""
    _zone(zone)


def due_after(schedule: str, zone: str, moment: float) -> Iterator[float]:
    """Seconds since the epoch of all times after the moment, rising. Raises BadSchedule."""
    expression = _MACROS.get(schedule.strip().lower(), schedule)
    if len(expression.split()) != 5:
        hint = "write minute, hour, day of month, month and day of week, such as '0 3 * * *'"
        raise BadSchedule(f"{schedule!r} does not have five fields: {hint}")
    try:
        times = CronSim(expression, datetime.fromtimestamp(moment, _zone(zone)))
    except CronSimError as error:
        raise BadSchedule(
            f"{schedule!r} is no schedule, {str(error).lower()}: write for example '0 3 * * *'"
        ) from error
    return _rising(times, moment)


def _rising(times: CronSim, moment: float) -> Iterator[float]:
    for time in times:
        found = time.timestamp()
        if found > moment:
            moment = found
            yield found


def latest_due(schedule: str, zone: str, after: float, now: float) -> float | None:
    """The last time that was due since `after`, up to `now`; None: none was, within a year. Raises BadSchedule."""
    for window in _WINDOWS:
        latest = None
        for due in due_after(schedule, zone, max(after, now - window)):
            if due > now:
                break
            latest = due
        if latest is not None or now - window <= after:
            return latest
    return None
