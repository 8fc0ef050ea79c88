"""A whole host that stands still and goes on, as a paused virtual machine does: the freezer control group.

Its containers are in the group already (`--cgroup-parent`); its daemons are put into it here, for good.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_V1 = Path("/sys/fs/cgroup/freezer")
_V2 = Path("/sys/fs/cgroup")


@contextmanager
def frozen(group: str, pids: Iterable[int]) -> Iterator[None]:
    """`group` as in `--cgroup-parent`, with everything below it; `pids` are put in a group below it first."""
    above = _path(group)
    inner = above / "daemons"
    inner.mkdir(parents=True, exist_ok=True)
    for pid in pids:
        with suppress(ProcessLookupError):
            (inner / "cgroup.procs").write_text(str(pid))
    try:
        _set(above, freeze=True)
        yield
    finally:
        _set(above, freeze=False)


def _path(group: str) -> Path:
    return (_V1 if _V1.is_dir() else _V2) / group.lstrip("/")


def _set(group: Path, *, freeze: bool, timeout: float = 10.0) -> None:
    state = group / "freezer.state"
    if state.exists():
        state.write_text("FROZEN" if freeze else "THAWED")
    else:
        (group / "cgroup.freeze").write_text("1" if freeze else "0")
    deadline = time.monotonic() + timeout
    while _is_frozen(group) != freeze:
        assert time.monotonic() < deadline, f"{group} was not {'frozen' if freeze else 'thawed'} in {timeout:.0f} s"
        time.sleep(0.02)


def _is_frozen(group: Path) -> bool:
    state = group / "freezer.state"
    if state.exists():
        return state.read_text().strip() == "FROZEN"
    return "frozen 1" in (group / "cgroup.events").read_text()
