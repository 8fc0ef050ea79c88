"""The same seed is the same run, whatever Python's hash seed is."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-m", "simulator", "--seeds", "2", "--start", "7", "--minutes", "1.5", "--faults", "30"]


def trace(hash_seed: str, *more: str) -> bytes:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run([*COMMAND, *more], env=environment, capture_output=True, check=True, timeout=60)
    return done.stdout


def test_the_same_seed_gives_the_same_run_under_any_hash_seed() -> None:
    runs = [trace(hash_seed, "--trace", "--nodes", "4", "--tasks", "20") for hash_seed in ("0", "1", "4711")]
    assert len(runs[0]) > 100_000
    assert len({hashlib.sha256(run).hexdigest() for run in runs}) == 1


def test_another_seed_gives_another_run() -> None:
    assert trace("0", "--trace") != trace("0", "--trace", "--start", "8")


@pytest.mark.parametrize("wrong", [pytest.param(["--seeds", "many"], id="not-a-number")])
def test_a_wrong_option_is_refused(wrong: list[str]) -> None:
    done = subprocess.run([*COMMAND, *wrong], capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
