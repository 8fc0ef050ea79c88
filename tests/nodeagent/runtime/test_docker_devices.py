"""A device of the node in a container, on a real engine: there, usable, and the only one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from nodeagent.devices import Device
from nodeagent.preparation import Preparation
from tests.nodeagent.runtime.conftest import RealTasks

pytestmark = pytest.mark.docker
_ZERO = os.makedev(1, 5)


def test_a_container_has_the_devices_that_it_was_given(tasks: RealTasks, tmp_path: Path) -> None:
    given, kept = tmp_path / "card0", tmp_path / "card1"
    for path in (given, kept):
        os.mknod(path, stat.S_IFCHR | 0o666, _ZERO)
    look = f"head -c 3 {given} | wc -c; test -e {kept} || echo no other; echo $TASKYARD_DEVICES_GPU"
    prepared = Preparation(devices=(Device("gpu", (str(given),)),))
    assert tasks.output({"command": ["sh", "-c", look]}, prepared).split("\n") == ["3", "no other", str(given), ""]
