"""A small disk for one folder of a host, to be filled up: a tmpfs, mounted before anything is written there.

Only the tests' cluster has them, on one host; what lies on them is lost when they are unmounted (leftovers.py).
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from chaos.network import run

_FILLER = "filler"
_PIECE = 1 << 20


class SmallDisk:
    def __init__(self, folder: Path, mebibytes: int) -> None:
        self._folder = folder
        self._mebibytes = mebibytes

    def mount(self) -> None:
        self._folder.mkdir(parents=True)
        run("mount", "-t", "tmpfs", "-o", f"size={self._mebibytes}m,mode=0700", "tmpfs", str(self._folder))

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not one byte is left, until the end of the block."""
        filler = self._folder / _FILLER
        try:
            with filler.open("wb", buffering=0) as file:
                _fill(file)
            yield
        finally:
            filler.unlink(missing_ok=True)


def _fill(file: IO[bytes]) -> None:
    """In ever smaller pieces: a piece that does not fit whole may leave room for a part of it."""
    for size in (_PIECE, 4096, 1):
        try:
            while file.write(bytes(size)) == size:
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
