"""The answers to "why": Wire structs, and how a placement's explanation becomes one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from controlplane.cluster import Demand
from controlplane.placement import FILTERS, Explanation, NodeVerdict, Snapshot
from controlplane.why import Change, Group, Standing, grouped, smallest_changes
from taskyard.objects import TaskState, Wire

_PHRASES = {rule.name: rule.phrase for rule in FILTERS}


class ShownFailure(Wire, frozen=True, kw_only=True):
    """`short`: by how much, in millicores or bytes, where it is an amount."""

    filter: str
    phrase: str
    detail: str = ""
    short: int = 0


class ShownVerdict(Wire, frozen=True, kw_only=True):
    """All that refuses it there; or its score, by its parts."""

    node: str
    failures: list[ShownFailure] = msgspec.field(default_factory=list)
    score: float | None = None
    scores: dict[str, float] = msgspec.field(default_factory=dict)


class ShownGroup(Wire, frozen=True, kw_only=True):
    """Nodes (or, for a node, tasks) that the same filters refuse."""

    count: int
    filters: list[str]
    text: str
    members: list[str]


class ShownNeed(Wire, frozen=True, kw_only=True):
    filter: str
    text: str
    amount: int = 0
    items: list[str] = msgspec.field(default_factory=list)


class ShownChange(Wire, frozen=True, kw_only=True):
    """All that one node lacks; `size` is what they are ranked by."""

    node: str
    text: str
    size: float
    needs: list[ShownNeed]


class ShownPlacement(Wire, frozen=True, kw_only=True):
    """`at` now, or just before its binding was written; `revision` is of what was looked at."""

    at: Literal["now", "binding"]
    revision: int
    total: int
    fitting: int
    nodes: list[ShownVerdict]
    groups: list[ShownGroup] = msgspec.field(default_factory=list)
    changes: list[ShownChange] = msgspec.field(default_factory=list)


class ShownLine(Wire, frozen=True, kw_only=True):
    """Its place among the tasks of its namespace that wait, and that namespace's: see `controlplane.why.line`."""

    text: str
    position: int
    waiting: int
    share: float
    weight: int
    before: list[str] = msgspec.field(default_factory=list)


class ShownWhy(Wire, frozen=True, kw_only=True):
    """`waitsFor`: what has to happen next, empty when nothing does; `note`: what could not be found out."""

    kind: str
    namespace: str
    name: str
    uid: str = ""
    state: str
    reason: str = ""
    message: str = ""
    node: str = ""
    waits_for: str = ""
    revision: int = 0
    avoids: list[str] = msgspec.field(default_factory=list)
    """Nodes that it kept failing on, and was taken from."""
    lost_from: str = ""
    """The node that it was on before that was lost."""
    on_return: str = ""
    """What becomes of it when that node is back."""
    line: ShownLine | None = None
    never: ShownChange | None = None
    """Where no node could hold it even with nothing else there: the smallest change with which one would."""
    placement: ShownPlacement | None = None
    note: str = ""


class ShownNodeWhy(Wire, frozen=True, kw_only=True):
    """What a node takes, and which of the tasks that wait for a node it refuses."""

    kind: str
    name: str
    ready: bool
    reason: str = ""
    message: str = ""
    refuses_all: list[str] = msgspec.field(default_factory=list)
    """What keeps every task away that does not ask for just this."""
    free: dict[str, int] = msgspec.field(default_factory=dict)
    tasks: int = 0
    waiting: int = 0
    takes: list[str] = msgspec.field(default_factory=list)
    groups: list[ShownGroup] = msgspec.field(default_factory=list)
    revision: int = 0


def show_placement(
    snapshot: Snapshot,
    demand: Demand,
    found: Explanation,
    *,
    at: Literal["now", "binding"] = "now",
    groups: int = 8,
    changes: int = 3,
) -> ShownPlacement:
    """At most so many `groups`, and so many `changes`; every node is there. The best first, then by name."""
    fitting, refusing = found.fitting, [verdict for verdict in found.nodes if verdict.failures]
    return ShownPlacement(
        at=at,
        revision=snapshot.revision,
        total=len(found.nodes),
        fitting=len(fitting),
        nodes=[
            *(_fits(verdict) for verdict in fitting),
            *(ShownVerdict(node=verdict.node, failures=_failures(verdict)) for verdict in refusing),
        ],
        groups=[show_group(each) for each in grouped(found.nodes, groups)],
        changes=[show_change(each) for each in smallest_changes(snapshot, demand, found, changes)]
        if not fitting
        else [],
    )


def show_group(group: Group) -> ShownGroup:
    return ShownGroup(count=len(group.nodes), filters=list(group.filters), text=group.text, members=list(group.nodes))


def show_line(namespace: str, found: Standing) -> ShownLine:
    return ShownLine(
        text=found.text(namespace),
        position=found.position,
        waiting=found.waiting,
        share=round(found.share.held, 4),
        weight=found.share.weight,
        before=[name for name, _ in found.before],
    )


def next_step(state: TaskState, message: str, next_attempt: str) -> str:
    """What a task in this state waits for; empty when it waits for nothing."""
    if state in (TaskState.RUNNING, TaskState.COMPLETED, TaskState.FAILED, TaskState.UNKNOWN):
        return ""
    if next_attempt and state is not TaskState.LOST:
        return f"its next attempt, at {next_attempt}"
    return message or _NEXT[state]


_NEXT = {
    TaskState.PENDING: "a node that it fits on",
    TaskState.SCHEDULED: "the agent on its node to start it",
    TaskState.STARTING: "its container to start",
    TaskState.STOPPING: "its container to stop",
    TaskState.LOST: "its node to come back, or to be placed on another",
}


def _fits(verdict: NodeVerdict) -> ShownVerdict:
    scores = {name: round(value, 4) for name, value in verdict.scores.items()}
    return ShownVerdict(node=verdict.node, score=round(verdict.score, 4), scores=scores)


def _failures(verdict: NodeVerdict) -> list[ShownFailure]:
    return [
        ShownFailure(filter=each.filter, phrase=_PHRASES[each.filter], detail=each.detail, short=each.short)
        for each in verdict.failures
    ]


def show_change(change: Change) -> ShownChange:
    needs: Sequence[ShownNeed] = [
        ShownNeed(filter=need.filter, text=need.text, amount=need.amount, items=list(need.items))
        for need in change.needs
    ]
    return ShownChange(node=change.node, text=change.text, size=round(change.size, 4), needs=list(needs))
