"""Processes that outlive the command that started them, named by pid and start time: a reused pid is never killed.

Used by everything in taskyard/local that starts or stops something. What should run is decided elsewhere.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec
import psutil

_PROC = Path("/proc")
_LARGEST_LOG = 16 * 2**20
"""Bytes; a larger one is put aside when its process is started the next time."""


class ProcessId(msgspec.Struct, frozen=True):
    """A process of this boot. A pid alone may by now belong to somebody else."""

    pid: int
    started: str
    """On Linux the boot's id and the clock ticks since then (unlike the wall time of the start, these never shift);
    elsewhere the start time."""

    def alive(self) -> bool:
        """Still running; a zombie is not."""
        return identify(self.pid) == self

    def signal(self, number: signal.Signals) -> bool:
        """False when it was gone already."""
        if not self.alive():
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True


def identify(pid: int) -> ProcessId | None:
    """None when nothing with that pid runs."""
    if not (_PROC / "self").exists():
        return _identify_portably(pid)
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
    state, ticks = fields[0], fields[19]
    return None if state in "ZX" else ProcessId(pid, f"{_boot()}/{ticks}")


@cache
def _boot() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def _identify_portably(pid: int) -> ProcessId | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else ProcessId(pid, str(process.create_time()))
    except psutil.NoSuchProcess:
        return None


def spawn(argv: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Starts a program in a session of its own, out of reach of a Ctrl-C meant for us; output goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            start_new_session=True,
        )


def stop(processes: Sequence[ProcessId], *, grace: float) -> list[ProcessId]:
    """SIGTERM, `grace` seconds, SIGKILL; returns those that had to be killed. Safe with processes that are gone."""
    waiting = [process for process in processes if process.signal(signal.SIGTERM)]
    waiting = _wait_gone(waiting, grace)
    killed = [process for process in waiting if process.signal(signal.SIGKILL)]
    _wait_gone(killed, 5.0)
    return killed


def _wait_gone(processes: Sequence[ProcessId], timeout: float) -> list[ProcessId]:
    """Those that still run when the time is up."""
    deadline = time.monotonic() + timeout
    left = [process for process in processes if process.alive()]
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [process for process in left if process.alive()]
    return left
