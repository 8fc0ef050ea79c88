"""Where a task goes that keeps failing on its node: the best one that it has not failed on, or else the first of those
that it has, for by now something may have changed there. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.placement import Explanation

_REMEMBERED = 16
"""Nodes in a binding."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    node: str
    avoid: tuple[str, ...]
    """Where it has failed, the longest ago first."""


def elsewhere(found: Explanation, node: str, avoid: Sequence[str]) -> Elsewhere | None:
    """`node`: where it is; `avoid`: where it has failed before. None when it fits on no other node."""
    fitting = [verdict.node for verdict in found.fitting if verdict.node != node]
    fresh = [name for name in fitting if name not in avoid]
    tried = [name for name in avoid if name in fitting]
    chosen = next(iter((*fresh, *tried)), None)
    if chosen is None:
        return None
    known = [name for name in avoid if name not in (chosen, node)]
    return Elsewhere(chosen, (*known, node)[-_REMEMBERED:])
