"""A cluster whose test run is killed: one command removes all of it from the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos import leftovers
from chaos.cluster import VARIABLE

pytestmark = pytest.mark.chaos

NAME = "tycrash"
FOLDER = Path("/tmp") / NAME


def run(command: str) -> subprocess.Popen[str]:
    environment = {**os.environ, VARIABLE: NAME}
    return subprocess.Popen(
        [sys.executable, "-m", "chaos", command],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def crashed() -> Iterator[list[str]]:
    """What there is of a cluster that nobody is there to end any more."""
    up = run("up")
    try:
        assert up.stdout is not None
        assert any("Three hosts are up" in line for line in up.stdout), "it did not start"
        up.kill()
        up.communicate()
        yield leftovers.left(NAME, FOLDER)
    finally:
        up.kill()
        run("down").communicate(timeout=120)


def test_nothing_is_left_of_a_cluster_that_crashed(crashed: list[str]) -> None:
    kinds = {line.split()[0] for line in crashed}
    assert kinds >= {"process", "mount", "namespace", "file"}

    down = run("down")
    down.communicate(timeout=120)

    assert (down.returncode, leftovers.left(NAME, FOLDER)) == (0, [])
