"""What becomes of a task whose node is lost: when it is placed again, or what it waits for instead. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.nodeloss.losses import Losses
from taskyard.objects import OnNodeLoss
from taskyard.quantity import seconds

SURELY_DEAD = 1.5
"""Seconds after a lease was seen to be gone until a singleton is started elsewhere. Its watchdog kills it a tenth of
the lease before that can expire; this covers clocks that run apart and a machine too busy to act at once."""


def gone_for_good(losses: Losses, node: str, now: float) -> float:
    """From when on, on the monotonic clock, no singleton runs on a node without a lease."""
    loss = losses.lost.get(node)
    return (loss.since if loss is not None else now) + SURELY_DEAD


@dataclass(frozen=True, slots=True)
class Outlook:
    """`due`: on the monotonic clock, when it is placed again; None: not before something else happens."""

    due: float | None
    reason: str
    """One CamelCase word for programs."""
    message: str
    """What follows, for people."""


def outlook(
    losses: Losses, node: str, wish: OnNodeLoss, *, singleton: bool = False, data: Sequence[str] = ()
) -> Outlook | None:
    """For a task on `node` that has not ended; None when the node is not lost. `data`: its volumes that are there."""
    loss = losses.lost.get(node)
    if loss is None:
        return None
    if wish.policy == "stay":
        return Outlook(None, "NodeLost", "it waits for its node (onNodeLoss.policy is stay)")
    if losses.mass is not None and node in losses.mass.nodes:
        return Outlook(None, "MassLoss", f"it is not placed again for now: {describe(losses)}")
    due = max(loss.counted_from + seconds(wish.after), loss.not_before)
    if singleton:
        due = max(due, gone_for_good(losses, node, loss.since))
    if data:
        give_up = " and ".join(f"'taskyard delete volume {name}'" for name in data)
        return Outlook(None, "NodeLost", f"it waits for its node, where its data is; {give_up} gives that up")
    return Outlook(due, "NodeLost", "it is placed on another node")


def describe(losses: Losses) -> str:
    """The mass loss, in a sentence that says what to do; empty without one."""
    mass = losses.mass
    if mass is None:
        return ""
    some = f"{' '.join(sorted(mass.nodes)[:3])}{' …' if len(mass.nodes) > 3 else ''}"
    return (
        f"{mass.vanished} of {mass.known} nodes vanished within {losses.period:.0f} s of each other, which looks like a"
        " fault of the network rather than of the nodes; this ends when half of them are back, or say of those that are"
        f" gone for good that they are: taskyard gone {some}"
    )
