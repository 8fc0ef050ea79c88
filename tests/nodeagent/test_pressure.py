"""Conditions begin at one mark and end at another, and never hold while there is plenty."""

from __future__ import annotations

import pytest

from nodeagent.pressure import Pressure, Stock, pressures, told

GI = 2**30


@pytest.mark.parametrize(
    ("stocks", "before", "now"),
    [
        pytest.param({"DiskPressure": Stock(6 * GI, 100 * GI)}, (), (), id="enough"),
        pytest.param({"DiskPressure": Stock(4 * GI, 100 * GI)}, (), ("DiskPressure",), id="short"),
        pytest.param({"DiskPressure": Stock(6 * GI, 100 * GI)}, ("DiskPressure",), ("DiskPressure",), id="stays"),
        pytest.param({"DiskPressure": Stock(9 * GI, 100 * GI)}, ("DiskPressure",), (), id="ends"),
        pytest.param({"DiskPressure": Stock(20 * GI, 1000 * GI)}, (), (), id="a small share of a large disk"),
        pytest.param({"MemoryPressure": Stock(GI // 50, 2 * GI)}, (), ("MemoryPressure",), id="memory"),
        pytest.param({"PidPressure": Stock(900, 32768)}, (), ("PidPressure",), id="pids"),
        pytest.param(
            {"PidPressure": Stock(0, 32768), "DiskPressure": Stock(0, GI)},
            (),
            ("DiskPressure", "PidPressure"),
            id="both",
        ),
        pytest.param({"DiskPressure": Stock(0, 0)}, ("MemoryPressure",), (), id="what is not measured"),
    ],
)
def test_pressures(stocks: dict[Pressure, Stock], before: tuple[str, ...], now: tuple[str, ...]) -> None:
    assert pressures(stocks, before) == now


def test_it_is_told_in_words() -> None:
    assert told("DiskPressure", Stock(3 * GI + 5, 100 * GI)) == "3Gi of 100Gi of its fullest disk are free"
    assert told("MemoryPressure", Stock(GI // 2, 2 * GI)) == "512Mi of 2Gi of memory are free"
    assert told("PidPressure", Stock(900, 32768)) == "900 of 32768 process ids are free"
