"""When a task has to leave its node because of a taint, and how people are told. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controlplane.services.standins import Stage
from taskyard.clock import parse_timestamp
from taskyard.objects import DRAIN_TAINT, Drain, Taint, Toleration, Update
from taskyard.objects.assignment import EVICTED
from taskyard.quantity import seconds
from taskyard.tolerations import DRAIN, patience

UNPLACED = 30.0
"""Seconds after which a task is not kept for a stand-in that has no node: what nothing else takes is stopped first."""


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


def left(drain: Drain | None, now: float) -> float:
    """Seconds until what is still there is stopped whatever holds it; `now`: since the epoch. A deadline that is no
    moment was put by hand, and is none."""
    try:
        return max(parse_timestamp(drain.deadline) - now, 0.0) if drain is not None and drain.deadline else math.inf
    except ValueError:
        return math.inf


def stays_to_its_end(drain: Drain | None) -> bool:
    """Whether one that runs once is stopped by no deadline."""
    return drain is None or not drain.force


def until_when(node: str, drain: Drain | None, left: float) -> str:
    """How long one that runs once stays on the node, for people. `left`: seconds until the deadline."""
    stays = "it runs once, and stays until it has ended"
    if drain is None or (left == 0.0 and drain.force):
        return stays
    if drain.force and left < math.inf:
        return f"{stays}, or until the drain's deadline, {drain.deadline}"
    return f"{stays}: 'taskyard drain {node} --force' cuts it short"


def forced(node: str, tolerations: Sequence[Toleration], at: float) -> Leave | None:
    """Once the deadline of a drain is over; None: it tolerates drains for ever."""
    if patience(tolerations, DRAIN_TAINT) == math.inf:
        return None
    return Leave(at, f"{EVICTED}{node}: the node is drained, and its deadline is over")


def awaited(stage: Stage, update: Update, name: str, stayed: float) -> tuple[float, str] | None:
    """Seconds for which a task stays for its stand-in, which has been so far for `stayed` seconds, and why; None: it
    does not stay. One that starts has as long as an update has to get further."""
    whose = f"it stays until its stand-in, task/{name},"
    limits = {
        "none": (UNPLACED, "it stays until another task can stand in for it"),
        "queued": (seconds(update.progress_deadline), "it stays until its turn comes to have a stand-in"),
        "updating": (seconds(update.progress_deadline), "it stays until the update moves it, or has a stand-in for it"),
        "unplaced": (UNPLACED, f"{whose} has a node"),
        "starting": (seconds(update.progress_deadline), f"{whose} is ready"),
        "ready": (seconds(update.min_ready), f"{whose} has been ready for {update.min_ready}"),
    }
    limit, why = limits[stage]
    return (limit - stayed, why) if stayed < limit else None
