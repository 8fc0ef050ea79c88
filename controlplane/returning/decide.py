"""Whether a task that was placed elsewhere goes back to the node that was lost and has returned. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.placement import Explanation
from controlplane.rebalance.moves import MIN_GAIN
from taskyard.objects import OnNodeLoss

SETTLED = 30.0
"""Seconds for which a node has to be back: one that comes and goes brings nothing but restarts."""


@dataclass(frozen=True, slots=True)
class Stays:
    """`for_good`: whatever happens, until it is bound anew. `why`: for people."""

    why: str
    for_good: bool = False


@dataclass(frozen=True, slots=True)
class GoesBack:
    why: str


def judged(wish: OnNodeLoss, original: str, node: str, found: Explanation) -> Stays | GoesBack:
    """`found`: what each node says of it with its own room free, and no preference for where it is. Call it only for
    one whose policy is not keep-newest, once the node has settled."""
    verdicts = {verdict.node: verdict for verdict in found.nodes}
    there, here = verdicts.get(original), verdicts.get(node)
    if there is None or there.failures:
        reasons = ", ".join(each.filter for each in there.failures) if there is not None else "it is gone"
        return Stays(f"it does not fit on {original}, which is back ({reasons})")
    if wish.on_return == "keep-original":
        return GoesBack(f"{original} is back, and onReturn is keep-original")
    # A node that would not take it again is no place to stay.
    score = here.score if here is not None and not here.failures else 0.0
    gain = there.score - score
    if gain >= MIN_GAIN:
        return GoesBack(f"{original} is back, where it scores better by {gain:.2f} than on {node}")
    why = f"{original} is back, where it scores better by {gain:.2f} than on {node}, which is too little"
    return Stays(why, for_good=True)
