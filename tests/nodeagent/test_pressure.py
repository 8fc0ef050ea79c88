"""Conditions begin at one mark and end at another, and never hold while there is plenty."""

from __future__ import annotations

import pytest

from nodeagent.pressure import Condition, Stock, conditions

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
def test_conditions(stocks: dict[Condition, Stock], before: tuple[str, ...], now: tuple[str, ...]) -> None:
    assert conditions(stocks, before) == now
