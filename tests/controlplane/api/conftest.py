"""Fixtures of the API's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.controlplane.api.bench import ApiBench


@pytest.fixture
def bench() -> Iterator[ApiBench]:
    made = ApiBench()
    yield made
    made.api.close()
