"""What a program in a container may do, seen from within, on a real Docker."""

from __future__ import annotations

import pytest

from taskyard.capabilities import USUAL_CAPABILITIES
from tests.nodeagent.runtime.conftest import RealTasks

pytestmark = pytest.mark.docker

_BITS = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7}
_BITS |= {"NET_BIND_SERVICE": 10, "NET_ADMIN": 12, "NET_RAW": 13}
"""Numbers of capabilities in linux/capability.h."""


def held(tasks: RealTasks, **security: object) -> int:
    return int(tasks.prints("grep CapBnd /proc/self/status", security=security).split()[1], 16)


def bits(*names: str) -> int:
    return sum(1 << _BITS[name] for name in names)


def test_only_the_usual_capabilities_are_kept(tasks: RealTasks) -> None:
    assert held(tasks) == bits(*USUAL_CAPABILITIES)


def test_capabilities_are_added_and_dropped(tasks: RealTasks) -> None:
    assert held(tasks, capDrop=["ALL"], capAdd=["NET_ADMIN", "KILL"]) == bits("NET_ADMIN", "KILL")


def test_no_new_privileges_under_seccomp_and_without_a_sight_of_the_host(tasks: RealTasks) -> None:
    said = tasks.prints("grep -E 'NoNewPrivs|Seccomp:' /proc/self/status; ls -d /proc/[0-9]* | wc -l")
    fields = said.split()
    assert fields[:4] == ["NoNewPrivs:", "1", "Seccomp:", "2"]
    assert int(fields[4]) < 10


def test_a_read_only_root_with_a_place_to_write(tasks: RealTasks) -> None:
    said = tasks.prints(
        "touch /file 2>&1; touch /scratch/file && echo written",
        security={"readOnlyRoot": True},
        volumes=[{"type": "tmpfs", "target": "/scratch"}],
    )
    assert said.splitlines() == ["touch: /file: Read-only file system", "written"]
