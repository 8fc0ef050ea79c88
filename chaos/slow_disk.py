"""A disk that takes its time to make things durable: each fdatasync of one process returns late."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def slow_disk(pid: int, delay: float) -> Iterator[None]:
    """`delay` seconds for each call of any of its threads, until the end of the block; strace holds it meanwhile."""
    late = f"inject=fdatasync:delay_exit={round(delay * 1_000_000)}"
    command = ["strace", "-f", "-q", "-e", "trace=fdatasync", "-e", late, "-o", "/dev/null", "-p", str(pid)]
    tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _wait_attached(tracer, pid)
        yield
    finally:
        # On SIGTERM it lets go of the process, which goes on.
        tracer.terminate()
        tracer.communicate(timeout=10)


def _wait_attached(tracer: subprocess.Popen[str], pid: int, timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while not _traced(pid):
        if tracer.poll() is not None:
            raise AssertionError(f"strace ended: {tracer.communicate()[1]}")
        assert time.monotonic() < deadline, f"strace did not attach to {pid} within {timeout:.0f} s"
        time.sleep(0.05)


def _traced(pid: int) -> bool:
    threads = [f"/proc/{pid}/task/{thread.id}/status" for thread in psutil.Process(pid).threads()]
    for path in threads:
        with open(path) as status:
            if not any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in status):
                return False
    return True
