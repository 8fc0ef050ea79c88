"""When a task has to leave its node because of a taint, and how people are told. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controlplane.cluster.rules import plain, tolerated_by
from taskyard.objects import Taint, Toleration
from taskyard.objects.assignment import EVICTED


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
    matching = [each.toleration_seconds for each in tolerations if tolerated_by(plain(each), taint)]
    spelled = f"{taint.key}={taint.value}:{taint.effect}"
    if not matching:
        return Leave(at, f"{EVICTED}{node}: it does not tolerate taint {spelled}")
    limits = [limit for limit in matching if limit is not None]
    if len(limits) < len(matching):
        return None
    return Leave(
        at + max(limits), f"{EVICTED}{node}: it tolerates taint {spelled} for {max(limits)} s, and they are over"
    )
