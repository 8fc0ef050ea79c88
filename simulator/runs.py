"""Which run of which task a container is, by its name: `ty-UID-EPOCH-ATTEMPT`, and what is beside the task itself has
one word more."""

from __future__ import annotations

from typing import NamedTuple

PREFIX = "ty-"


class Run(NamedTuple):
    uid: str
    epoch: int
    attempt: int
    part: str
    """`init1`, `net`, `side1`; empty: the task itself."""

    @property
    def stem(self) -> str:
        """The name of the task's own container."""
        return f"{PREFIX}{self.uid}-{self.epoch}-{self.attempt}"

    @property
    def is_sidecar(self) -> bool:
        return self.part.startswith("side")

    @property
    def number(self) -> int:
        """Of an init task or sidecar, from 1."""
        return int(self.part[4:])

    def beside(self, part: str) -> str:
        """The name of another container of the same attempt."""
        return f"{self.stem}-{part}" if part else self.stem


def run_of(name: str) -> Run:
    """The name has to be one of ours."""
    uid, epoch, attempt, *part = name.removeprefix(PREFIX).split("-")
    return Run(uid, int(epoch), int(attempt), part[0] if part else "")
