"""A wall clock that one process sees and that can be set while it runs: hosts on one machine share the kernel's.

By libfaketime (Debian: faketime). Clocks that only go forward, which leases count on, are left alone, as they are when
an administrator or NTP sets a real machine's.
"""

from __future__ import annotations

from pathlib import Path

from taskyard.local.errors import LocalError


class SteppedClock:
    """`environment` goes to the process at its start; `step` works at once, on it and its children."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def environment(self) -> dict[str, str]:
        self.step(0)
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, seconds: int) -> None:
        """Off the true time by so much; 0: right again."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}s\n")
        new.rename(self._file)


def _library() -> Path:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise LocalError("libfaketime is not installed", hint="apt-get install faketime")
    return found[0]
