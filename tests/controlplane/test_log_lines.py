"""One record is one line, whatever is in it."""

from __future__ import annotations

import logging
import sys

import pytest

from controlplane.log_lines import OneLine


def record(message: str, *, failure: bool = False) -> logging.LogRecord:
    made = logging.LogRecord("api", logging.WARNING, __file__, 1, message, (), None)
    made.created = 1_700_000_000.0
    if failure:
        try:
            raise ValueError("first\nsecond")
        except ValueError:
            made.exc_info = sys.exc_info()
    return made


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        pytest.param("ready", "message=ready", id="plain"),
        pytest.param("two words", 'message="two words"', id="space"),
        pytest.param('a="b"', r'message="a=\"b\""', id="quotes"),
        pytest.param("a\nlevel=error", r'message="a\nlevel=error"', id="a forged line"),
        pytest.param("", 'message=""', id="empty"),
    ],
)
def test_a_message(message: str, shown: str) -> None:
    line = OneLine().format(record(message))
    assert line.startswith("time=2023-11-14T22:13:20.000Z level=warning ")
    assert line.endswith(shown)
    assert "\n" not in line


def test_a_traceback_is_part_of_the_line() -> None:
    line = OneLine().format(record("failed", failure=True))
    assert "\n" not in line
    assert "ValueError: first\\nsecond" in line
