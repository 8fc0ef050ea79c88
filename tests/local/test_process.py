"""Processes are known by pid and start time, and end when they are told to."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from taskyard.local.process import ProcessId, identify, spawn, stop
from tests.support.waiting import until

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""


def test_a_reused_pid_is_somebody_else() -> None:
    here = identify(os.getpid())
    assert here is not None
    assert here.alive()
    earlier = ProcessId(here.pid, "another boot/1")
    assert not earlier.alive()
    assert not earlier.signal(signal.SIGKILL)


def test_a_process_that_is_gone_is_not_identified(tmp_path: Path) -> None:
    child = spawn(["true"], tmp_path / "log")
    child.wait()
    assert identify(child.pid) is None


def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    log = tmp_path / "log"
    children = [spawn([sys.executable, "-c", STUBBORN], log), spawn(["sleep", "600"], tmp_path / "other")]
    until(lambda: log.read_text() == "ready\n")
    found = [identify(child.pid) for child in children]
    processes = [process for process in found if process is not None]
    assert len(processes) == 2
    assert stop(processes, grace=0.2) == processes[:1]
    assert [child.wait() for child in children] == [-signal.SIGKILL, -signal.SIGTERM]
    assert stop(processes, grace=0.2) == []


def test_a_large_log_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("wb") as file:
        file.truncate(17 * 2**20)
    spawn(["echo", "new"], log).wait()
    assert log.read_text() == "new\n"
    assert (tmp_path / "x.log.1").stat().st_size == 17 * 2**20
