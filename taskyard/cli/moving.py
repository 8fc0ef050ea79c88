"""Moves carried out one by one: ask for one, wait until the task runs where it went, then the next; stop at trouble.

What is good for the cluster was decided by the server; here is only the order, the waiting and the words.
"""

from __future__ import annotations

from collections.abc import Sequence

from taskyard.cli.progress import Progress
from taskyard.cli.steady import wait_until_steady
from taskyard.cli.waiting import Awaited, Verdict, wait_for
from taskyard.client.api import Client
from taskyard.client.errors import RequestRefused
from taskyard.client.rebalance_views import MoveView
from taskyard.client.selection import EventSelection
from taskyard.client.views import TaskView
from taskyard.clock import Clock

BOUND_WITHIN = 15.0
"""Seconds that the scheduler gets to do or refuse a move; it needs milliseconds."""
REFUSED = "MoveRefused"
"""Reason of the event by which the scheduler says no."""


def carry_out(
    client: Client, moves: Sequence[MoveView], *, clock: Clock, timeout: float, stable: float, progress: Progress
) -> str:
    """Empty when all of them are done; else why it stopped."""
    for at, move in enumerate(moves, 1):
        label = f"task/{move.name}"
        progress.say(f"{at}/{len(moves)} {label}: {move.from_node} -> {move.to_node}")
        try:
            client.move_task(move.namespace, move.name, move.to_node, move.epoch)
        except RequestRefused as error:
            return f"{label} was not moved: {error}"
        if trouble := _moved(client, move, clock, progress):
            return f"{label} was not moved: {trouble}"
        awaited = [Awaited(move.namespace, move.name, move.uid, move.epoch)]
        troubles = wait_until_steady(client, awaited, clock=clock, timeout=timeout, stable=stable, progress=progress)
        if troubles:
            return troubles[0]
        progress.result(f"{label} moved to {move.to_node}")
    return ""


def _moved(client: Client, move: MoveView, clock: Clock, progress: Progress) -> str:
    """Waits for its new binding; why there is none."""

    def judge(awaited: Awaited, task: TaskView | None) -> Verdict:
        if task is None or task.metadata.uid != awaited.uid:
            return Verdict(True, "Deleted", "it was deleted meanwhile")
        if task.status.epoch <= awaited.after_epoch:
            return Verdict(False, "waits for the scheduler to move it")
        if task.status.node != move.to_node:
            return Verdict(True, "bound elsewhere", f"it was bound to {task.status.node} meanwhile")
        return Verdict(True, f"bound to {move.to_node}")

    awaited = Awaited(move.namespace, move.name, move.uid, move.epoch)
    outcome = wait_for(
        client,
        [awaited],
        judge,
        clock=clock,
        timeout=BOUND_WITHIN,
        progress=progress,
        on_settled=lambda _awaited, _verdict: None,
    )
    for verdict in outcome.settled.values():
        return verdict.failure
    found = [event.view for event in client.events(EventSelection(move.namespace, "Task", move.name)).items]
    refusals = [e for e in found if e.reason == REFUSED and e.about.uid == move.uid]
    if refusals:
        return max(refusals, key=lambda event: event.last_seen).message
    return f"the scheduler did nothing about it within {BOUND_WITHIN:.0f} s: does one lead? (`curl .../metrics`)"
