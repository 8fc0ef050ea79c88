"""When schedules are due: time zones, changes of clocks in both directions, macros, and what is no schedule."""

from __future__ import annotations

from datetime import datetime
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest

from taskyard.schedule import BadSchedule, check_schedule, check_zone, due_after, latest_due

BERLIN = "Europe/Berlin"


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def times(schedule: str, zone: str, after: float, count: int) -> list[str]:
    found = islice(due_after(schedule, zone, after), count)
    return [datetime.fromtimestamp(each, ZoneInfo("UTC")).strftime("%m-%d %H:%M") for each in found]


def test_a_zone_s_clock_decides() -> None:
    assert times("0 3 * * *", BERLIN, at("2026-01-10T00:00"), 2) == ["01-10 02:00", "01-11 02:00"]
    assert times("0 3 * * *", "Asia/Kathmandu", at("2026-01-10T00:00"), 1) == ["01-10 21:15"]


def test_a_time_that_is_left_out_in_spring_is_due_when_the_gap_is_over() -> None:
    """2026-03-29: 02:00 CET becomes 03:00 CEST, which is 01:00 UTC."""
    assert times("30 2 * * *", BERLIN, at("2026-03-28T12:00"), 2) == ["03-29 01:00", "03-30 00:30"]


def test_a_time_that_comes_twice_in_autumn_is_due_once() -> None:
    """2026-10-25: 03:00 CEST becomes 02:00 CET; 02:30 is first at 00:30 UTC."""
    found = times("30 2 * * *", BERLIN, at("2026-10-24T12:00"), 2)
    assert found == ["10-25 00:30", "10-26 01:30"]
    between = at("2026-10-25T01:10")
    assert times("30 2 * * *", BERLIN, between, 1) == ["10-26 01:30"]


def test_what_is_due_every_quarter_of_an_hour_goes_by_time_as_it_passes() -> None:
    for day in ("2026-03-29", "2026-10-25"):
        found = list(islice(due_after("*/15 * * * *", BERLIN, at(f"{day}T00:00") - 1), 12))
        assert [later - earlier for earlier, later in pairwise(found)] == [900.0] * 11


def test_the_latest_of_those_that_were_missed() -> None:
    began = at("2026-01-01T00:00")
    assert latest_due("*/5 * * * *", "UTC", began, began + 7 * 86_400 + 61) == began + 7 * 86_400
    assert latest_due("0 0 1 * *", "UTC", began, began + 40 * 86_400) == at("2026-02-01T00:00")
    assert latest_due("0 3 * * *", "UTC", began, began + 3 * 3600 - 1) is None
    assert latest_due("0 3 * * *", "UTC", began, began + 3 * 3600) == began + 3 * 3600
    assert latest_due("0 3 * * *", "UTC", began + 3 * 3600, began + 4 * 3600) is None


def test_macros() -> None:
    assert times("@daily", "UTC", at("2026-01-10T05:00"), 1) == ["01-11 00:00"]
    assert times("@hourly", "UTC", at("2026-01-10T05:00"), 1) == ["01-10 06:00"]


@pytest.mark.parametrize("schedule", ["", "* * * *", "0 0 3 * * *", "61 * * * *", "a b c d e", "@never", "0 0 31 2 *"])
def test_what_is_no_schedule(schedule: str) -> None:
    with pytest.raises(BadSchedule, match="write"):
        check_schedule(schedule, "UTC")


@pytest.mark.parametrize("zone", ["Europe/Bonn", "", "../etc/passwd", "Berlin"])
def test_what_is_no_time_zone(zone: str) -> None:
    with pytest.raises(BadSchedule, match="Europe/Berlin"):
        check_zone(zone)
