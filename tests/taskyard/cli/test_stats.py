"""`stats` and `top -w`: numbers over time, as bars."""

from __future__ import annotations

import pytest

from taskyard.cli.commands.stats import COLUMNS, row
from taskyard.cli.sparkline import sparkline
from taskyard.client.views import SampleView
from tests.taskyard.cli.conftest import Cli


@pytest.mark.parametrize(
    ("values", "line"),
    [
        pytest.param([], "", id="nothing yet"),
        pytest.param([0, 0], "▁▁", id="all of nothing"),
        pytest.param([0, 50, 100], "▁▅█", id="to the largest"),
        pytest.param([9, 7, 0, 7], "█▁█", id="only the last"),
    ],
)
def test_bars(values: list[float], line: str) -> None:
    assert sparkline(values, width=3) == line


def test_a_row_has_the_last_and_the_most() -> None:
    found = [SampleView("", 500, 2**20), SampleView("", 250, 2**21, 1024, 2048)]
    assert row("task/web", found) == ["task/web", "250m", "500m", "█▅", "2Mi", "2Mi", "▅█", "1Ki", "2Ki"]
    assert len(row("task/web", [])) == len(COLUMNS)


def test_only_tasks_and_nodes_that_are_named(cli: Cli) -> None:
    assert "name tasks or nodes" in cli("stats", "tasks").err
