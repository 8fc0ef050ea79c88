"""Whether a task puts up with a node's taint, and for how long: the rule of placement, evictions and the CLI. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

from taskyard.objects import Taint, Toleration

DRAIN = "taskyard/drain"
"""The taint by which `taskyard drain` moves tasks off a node."""

Tolerated = tuple[str, str, str, str]
"""key, operator, value, effect: a toleration without its seconds, as a value that can be hashed."""


def plain(each: Toleration) -> Tolerated:
    return each.key, each.operator, each.value, each.effect


def tolerated_by(toleration: Tolerated, taint: Taint) -> bool:
    """An empty key, or effect, is every one."""
    key, operator, value, effect = toleration
    return (
        (not key or key == taint.key)
        and (operator == "Exists" or value == taint.value)
        and (not effect or effect == taint.effect)
    )


def patience(tolerations: Iterable[Toleration], taint: Taint) -> float | None:
    """Seconds for which a task stays that runs where the taint comes, inf for ever; None: it does not tolerate it. Of
    several tolerations the most patient counts."""
    limits = (
        math.inf if each.toleration_seconds is None else each.toleration_seconds
        for each in tolerations
        if tolerated_by(plain(each), taint)
    )
    return max(limits, default=None)
