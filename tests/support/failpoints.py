"""Failpoints as parameters of a test, one of which may be marked as part of every run."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from taskyard.failpoints import names


def points(effects: Collection[str], *, core: str) -> list[Any]:
    """All of these effects; `core` is the one that every run takes."""
    found = names(effects)
    assert core in found
    return [pytest.param(name, marks=pytest.mark.core) if name == core else name for name in found]
