"""The kernel's word of an end, with plain processes in the place of containers' first ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodeagent.runtime.port import ContainerEnd
from nodeagent.runtime.process_ends import ProcessEnds, tells_how
from nodeagent.runtime.processes import first_process

ANY = "/"
"""Part of every control group's name, as a container's id is of its processes'."""
WITHIN = 15.0


@pytest.fixture
def ends() -> Iterator[ProcessEnds]:
    made = ProcessEnds()
    yield made
    made.close()


def process(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", f"input(); {code}"], stdin=subprocess.PIPE)


def let_end(child: subprocess.Popen[bytes]) -> None:
    child.communicate(b"\n", WITHIN)


def told(ends: ProcessEnds) -> list[ContainerEnd]:
    """Until there is a word, or it is closed."""
    found: list[ContainerEnd] = []

    def follow() -> None:
        found.extend([next(iter(ends))])

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    follower.join(WITHIN)
    return found


@pytest.mark.parametrize(
    ("code", "expected"),
    [("raise SystemExit(3)", 3), ("pass", 0), (f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})", 137)],
)
def test_an_end_is_told_with_its_exit_code(ends: ProcessEnds, code: str, expected: int) -> None:
    child = process(code)
    ends.watch(ANY, child.pid)
    let_end(child)
    assert [(end.id, end.exit_code) for end in told(ends)] == ([(ANY, expected)] if tells_how() else [])


def test_what_was_asked_to_end_is_not_told(ends: ProcessEnds) -> None:
    asked, other = process("pass"), process("raise SystemExit(4)")
    ends.watch(ANY, asked.pid)
    ends.watch(":" + ANY, other.pid)
    ends.forget(ANY)
    let_end(asked)
    let_end(other)
    assert [end.exit_code for end in told(ends)] == ([4] if tells_how() else [])


def test_a_process_of_no_such_container_is_not_watched(ends: ProcessEnds) -> None:
    before = len(os.listdir("/proc/self/fd"))
    child = process("pass")
    ends.watch("0123456789abcdef", child.pid)
    ends.watch("0123456789abcdef")
    let_end(child)
    child.stdin = None
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # That of the wait itself.


def test_the_wait_ends_when_it_is_closed(ends: ProcessEnds) -> None:
    follower = threading.Thread(target=lambda: list(ends), daemon=True)
    follower.start()
    ends.close()
    follower.join(WITHIN)
    assert not follower.is_alive()


@pytest.mark.parametrize("place", ["memory/docker/{id}", "docker/{id}", "system.slice/docker-{id}.scope"])
def test_the_first_process_is_found_in_its_control_group(tmp_path: Path, place: str) -> None:
    groups, proc = tmp_path / "groups", tmp_path / "proc"
    group = groups / place.format(id="c1")
    group.mkdir(parents=True)
    (group / "cgroup.procs").write_text("70\n71\n72\n73\n")
    # One of a namespace further in, one that was run inside, the first, and one that has ended meanwhile.
    for pid, ids in ((70, "70 9 1"), (71, "71 8"), (72, "72 1")):
        (proc / str(pid)).mkdir(parents=True)
        (proc / str(pid) / "status").write_text(f"Name:\tsh\nNSpid:\t{ids}\nThreads:\t1\n")
    assert first_process("c1", str(groups), str(proc)) == 72
    assert first_process("c2", str(groups), str(proc)) == 0


def test_a_kill_is_waited_for_and_not_told(ends: ProcessEnds) -> None:
    child, other = process("pass"), process("pass")
    ends.watch(ANY, child.pid)
    reaped = threading.Thread(target=child.wait, daemon=True)
    reaped.start()
    ends.kill(ANY)
    if tells_how():
        reaped.join(WITHIN)
        assert child.returncode == -signal.SIGKILL
    child.kill()
    ends.watch(ANY, other.pid)
    let_end(other)
    # Its own end alone, and not the one that was asked for.
    assert [end.exit_code for end in told(ends)] == ([0] if tells_how() else [])


def test_a_kill_of_what_is_not_watched_does_nothing(ends: ProcessEnds) -> None:
    child = process("pass")
    ends.kill(ANY)
    let_end(child)
    assert child.returncode == 0


def test_a_process_that_nobody_waits_for_does_not_hold_up_its_killer(ends: ProcessEnds) -> None:
    child = process("pass")
    ends.watch(ANY, child.pid)
    began = time.monotonic()
    ends.kill(ANY)
    assert time.monotonic() - began < WITHIN
    child.kill()
    child.wait()
