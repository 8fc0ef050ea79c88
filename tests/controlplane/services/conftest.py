"""The control plane that the tests of the service controller stand on."""

from __future__ import annotations

import pytest

from tests.support.plane import Plane


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    plane.add_node("n1")
    plane.add_node("n2")
    return plane
