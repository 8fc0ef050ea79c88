"""The rule of the soak: what repeats, jitters or warms up is flat, and what leaks is not."""

from __future__ import annotations

import pytest

from chaos.flat import Usage, judge

MIB = 1 << 20


def grown(samples: list[Usage]) -> set[str]:
    return {verdict.what for verdict in judge(samples) if not verdict.flat}


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        pytest.param([Usage(60 * MIB, 12, 30)] * 30, set(), id="constant"),
        pytest.param([Usage(60 * MIB + n % 2 * MIB, 12 + n % 3, 30 + n % 5) for n in range(30)], set(), id="jitter"),
        pytest.param([Usage(min(30 + 4 * n, 70) * MIB, 12, 30) for n in range(30)], set(), id="warming up"),
        pytest.param([Usage(60 * MIB, 12, 30)] * 26 + [Usage(90 * MIB, 40, 99)] * 4, set(), id="a peak at the end"),
        pytest.param([Usage(60 * MIB, 29 if n > 20 else 23, 30) for n in range(30)], set(), id="workers started"),
        pytest.param([Usage(60 * MIB + n * MIB // 4, 12, 30) for n in range(30)], {"memory"}, id="memory"),
        pytest.param([Usage(60 * MIB, 12 + n, 30) for n in range(30)], {"threads"}, id="threads"),
        pytest.param([Usage(60 * MIB, 12, 30 + n) for n in range(30)], {"descriptors"}, id="descriptors"),
    ],
)
def test_growth(samples: list[Usage], found: set[str]) -> None:
    assert grown(samples) == found


def test_too_few_samples_are_no_verdict() -> None:
    with pytest.raises(ValueError, match="at least 9"):
        judge([Usage(1, 1, 1)] * 8)
