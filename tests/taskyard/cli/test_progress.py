"""What is shown while a command waits."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from taskyard.cli.progress import Lines, Living


def test_on_a_terminal_what_time_alone_changes_is_drawn_anew() -> None:
    written = io.StringIO()
    left = [3]
    with Living(Console(file=written, force_terminal=True, width=80)) as living:
        living.show({"node/n1": lambda: f"in {left[0]}s", "default/web": "Running"})
        assert "in 3s" in written.getvalue()
        left[0] = 2
        deadline = time.monotonic() + 20
        while "in 2s" not in written.getvalue():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_elsewhere_there_are_lines_for_each_change_and_none_for_each_second(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    left = [3]
    for text in ("Running", "Running", "Stopping"):
        left[0] -= 1
        lines.show({"node/n1": lambda: f"in {left[0]}s", "default/web": text})
    said = capsys.readouterr().err.splitlines()
    assert said == ["node/n1: in 2s", "default/web: Running", "node/n1: in 0s", "default/web: Stopping"]
