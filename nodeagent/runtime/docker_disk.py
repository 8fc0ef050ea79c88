"""Which disk Docker's containers are on: limits of block I/O are for a device. Reads the files of this machine."""

from __future__ import annotations

import os
from pathlib import Path

from nodeagent.runtime.port import RuntimeRefused

_SYS = Path("/sys/dev/block")


def disk_under(folder: str, *, sys: Path = _SYS) -> str:
    """`/dev/vda` for a folder on one of its partitions too. RuntimeRefused when there is no one disk below it."""
    try:
        device = os.stat(folder).st_dev
        found = (sys / f"{os.major(device)}:{os.minor(device)}").resolve(strict=True)
    except OSError as error:
        raise RuntimeRefused(
            f"block I/O cannot be limited on this node: {folder}, where Docker keeps its containers, is not on a disk"
            f" that the agent can see ({error.strerror})"
        ) from error
    return f"/dev/{(found.parent if (found / 'partition').exists() else found).name}"
