"""Each guard of the protocol, switched off, is missed by some seed: else the checker or the faults have a hole."""

from __future__ import annotations

import pytest

from tests.simulator.planted import PLANTED
from tests.simulator.planted.plant import check_caught


@pytest.mark.parametrize("name", [pytest.param(name, id=name.replace(" ", "-")) for name in PLANTED])
def test_a_seed_catches(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_caught(PLANTED[name], monkeypatch)
