"""What becomes of a task whose node is lost: when it is placed again, or what it waits for instead. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.nodeloss.losses import Losses
from taskyard.objects import OnNodeLoss
from taskyard.quantity import seconds

OUT_OF_SERVICE = "taskyard/out-of-service"
"""An annotation on a node: `true` says that it is gone and runs nothing. It counts only while the node is lost."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """`due`: on the monotonic clock, when it is placed again; None: not before something else happens."""

    due: float | None
    reason: str
    """One CamelCase word for programs."""
    message: str
    """What follows, for people."""


def outlook(losses: Losses, node: str, wish: OnNodeLoss) -> Outlook | None:
    """For a task on `node` that has not ended; None when the node is not lost."""
    loss = losses.lost.get(node)
    if loss is None:
        return None
    if wish.policy == "stay":
        return Outlook(None, "NodeLost", "it waits for its node (onNodeLoss.policy is stay)")
    if losses.mass is not None and node in losses.mass.nodes:
        return Outlook(None, "MassLoss", f"it is not placed again for now: {describe(losses)}")
    due = max(loss.counted_from + seconds(wish.after), loss.not_before)
    return Outlook(due, "NodeLost", "it is placed on another node")


def describe(losses: Losses) -> str:
    """The mass loss, in a sentence that says what to do; empty without one."""
    mass = losses.mass
    if mass is None:
        return ""
    return (
        f"{mass.vanished} of {mass.known} nodes vanished within {losses.period:.0f} s of each other, which looks like a"
        " fault of the network rather than of the nodes; this ends when half of them are back, or say of each that is"
        f" gone for good that it is: annotate the node with {OUT_OF_SERVICE}: 'true'"
    )
