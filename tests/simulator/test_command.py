"""`taskyard simulate` as a whole: what it says, and how it ends, so that a job in CI fails where an invariant does."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from simulator.__main__ import main
from tests.simulator.planted import PLANTED

SEEDS = ["--seeds", "4", "--start", "30", "--minutes", "1", "--faults", "30", "--no-shrink"]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_it_fails_when_one_of_the_seeds_violates_an_invariant(jobs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED["foreign containers taken"].switch_off(monkeypatch)
    done = CliRunner().invoke(main, [*SEEDS, "--jobs", jobs])
    failed = [int(seed) for seed in re.findall(r"^seed (\d+): .*foreign container", done.output, re.MULTILINE)]
    assert failed
    assert set(failed) <= set(range(30, 34))
    assert f"4 seeds, {len(failed)} failed; " in done.output
    assert done.exit_code == 1


def test_it_succeeds_when_none_does() -> None:
    done = CliRunner().invoke(main, SEEDS)
    assert "4 seeds, 0 failed; " in done.output
    assert done.exit_code == 0
