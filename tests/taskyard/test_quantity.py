"""Quantities: what is accepted, what it is worth, and that the usual spelling reads back as the same number."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskyard.quantity import Quantity, byte_count, cpu_millis, format_bytes, format_cpu, format_duration, seconds


@pytest.mark.parametrize(
    ("text", "millis"),
    [("250m", 250), (0.25, 250), ("1.5", 1500), (2, 2000), ("0", 0), (1.0, 1000), (0.001, 1)],
)
def test_cpu(text: str | float, millis: int) -> None:
    assert cpu_millis(text) == millis


@pytest.mark.parametrize(
    ("text", "count"),
    [("512Mi", 512 * 2**20), ("1.5Gi", 3 * 2**29), ("1G", 10**9), (1048576, 2**20), ("4k", 4000), ("0", 0)],
)
def test_bytes(text: str | int, count: int) -> None:
    assert byte_count(text) == count


@pytest.mark.parametrize(
    ("text", "value"),
    [("10s", 10), ("1m30s", 90), ("500ms", 0.5), (90, 90), ("2h", 7200), ("1.5s", 1.5), ("1h1m1s1ms", 3661.001)],
)
def test_duration(text: str | int, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        pytest.param(cpu_millis, "500 m", id="cpu-space"),
        pytest.param(cpu_millis, "-1", id="cpu-negative"),
        pytest.param(cpu_millis, "1\n", id="cpu-newline"),
        pytest.param(cpu_millis, True, id="cpu-bool"),
        pytest.param(cpu_millis, "٣", id="cpu-other-digits"),
        pytest.param(byte_count, "512MB", id="bytes-MB"),
        pytest.param(byte_count, "1g", id="bytes-lower"),
        pytest.param(byte_count, "", id="bytes-empty"),
        pytest.param(byte_count, float("nan"), id="bytes-nan"),
        pytest.param(seconds, "", id="duration-empty"),
        pytest.param(seconds, "10 s", id="duration-space"),
        pytest.param(seconds, "1s1m", id="duration-order"),
        pytest.param(seconds, "1d", id="duration-days"),
    ],
)
def test_refused_with_what_is_accepted(parse: Callable[[Quantity], float], text: Quantity) -> None:
    with pytest.raises(ValueError, match="write"):
        parse(text)


@given(st.integers(0, 10**6))
def test_cpu_reads_back(millis: int) -> None:
    assert cpu_millis(format_cpu(millis)) == millis


@given(st.integers(0, 2**50))
def test_bytes_read_back(count: int) -> None:
    assert byte_count(format_bytes(count)) == count


@given(st.integers(0, 10**9))
def test_durations_read_back(millis: int) -> None:
    assert seconds(format_duration(millis / 1000)) == pytest.approx(millis / 1000)
