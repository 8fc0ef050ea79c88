"""When a task has to leave its node because of a taint, and how people are told. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from taskyard.objects import Taint, Toleration
from taskyard.objects.assignment import EVICTED
from taskyard.tolerations import DRAIN, patience


@dataclass(frozen=True, slots=True)
class Leave:
    """`at`: on the clock of `since`. `why`: for people."""

    at: float
    why: str


def leave(node: str, tolerations: Sequence[Toleration], since: Mapping[Taint, float]) -> Leave | None:
    """`since`: the node's taints NoExecute, and when each was first seen. None: it may stay for ever.

    Of several tolerations of one taint the most patient counts, and of several taints the one that it has to leave for
    first.
    """
    found = [each for taint, at in since.items() if (each := _because_of(node, tolerations, taint, at)) is not None]
    return min(found, key=lambda each: (each.at, each.why), default=None)


def _because_of(node: str, tolerations: Sequence[Toleration], taint: Taint, at: float) -> Leave | None:
    stays = patience(tolerations, taint)
    spelled = f"{taint.key}{'=' if taint.value else ''}{taint.value}:{taint.effect}"
    if stays is None and taint.key == DRAIN:
        return Leave(at, f"{EVICTED}{node}: the node is drained")
    if stays is None:
        return Leave(at, f"{EVICTED}{node}: it does not tolerate taint {spelled}")
    if stays == math.inf:
        return None
    return Leave(at + stays, f"{EVICTED}{node}: it tolerates taint {spelled} for {stays:g} s, and they are over")
