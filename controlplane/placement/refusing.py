"""What a filter says of a node that it refuses."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Remedy(NamedTuple):
    """What would do, as it follows "needs"; of several that one filter asks for, each is needed."""

    text: str
    deeds: int = 1
    """Things that somebody has to do for it."""


class Failure(msgspec.Struct, frozen=True, gc=False):
    """Why one filter refuses one node. `short`: by how much, where it is an amount: nodes that lack least go first."""

    filter: str
    detail: str = ""
    short: int = 0
    lacking: tuple[tuple[str, int], ...] = ()
    """Resource → how much more of it would be just enough: millicores, bytes, or a count."""
    remedies: tuple[Remedy, ...] = ()
    """Where that depends on what other tasks are where."""
