"""Why a task is where it is, or a node takes what it takes, as text for a person: what `why` prints. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from taskyard.cli.age import cores, size
from taskyard.cli.table import Table, painted, state_colour
from taskyard.client.why_views import GroupView, NodeWhyView, PlacementView, VerdictView, WhyView

_SCORED = 5
"""Nodes whose scores are shown."""
_NAMED = 3
"""Members of a group that are named."""

_RETURNS = {
    "keep-newest": "it came here when {} was lost, and stays",
    "keep-original": "it came here when {0} was lost, and goes back once {0} has been there again for 30 s",
    "best-score": "it came here when {0} was lost, and goes back if it scores better there once {0} is back",
}
"""By onNodeLoss.onReturn."""


def task_reasons(why: WhyView, *, one_node: bool = False, colour: bool = False) -> list[str]:
    """`one_node`: only one was asked about."""
    where = f" in namespace {why.namespace}" if why.namespace != "default" else ""
    state = painted(why.state, state_colour(why.state), colour)
    on = f" on {why.node}" if why.node else ""
    reason = f" ({why.reason})" if why.reason and why.reason != why.state else ""
    lines = [f"task/{why.name}{where}: {state}{on}{reason}"]
    # Of a Pending task the message is the groups below in one line.
    if why.message and not (why.state == "Pending" and why.placement):
        lines.append(f"  {why.message}")
    elif why.waits_for and not why.placement:
        lines.append(f"  waits for {why.waits_for}")
    if why.lost_from:
        lines.append(f"  {_RETURNS[why.on_return].format(why.lost_from)}")
    if why.avoids:
        lines.append(f"  it kept failing on {', '.join(why.avoids)}, and was taken from there")
    if why.line is not None:
        lines.append(f"  {why.line.text}")
    if why.note:
        lines.append(f"  {why.note}")
    if why.placement is not None:
        lines += ["", *(f"  {line}".rstrip() for line in _placement(why, why.placement, one_node))]
    return lines


def node_reasons(why: NodeWhyView, *, colour: bool = False) -> list[str]:
    state = "Ready" if why.ready else "NotReady"
    lines = [f"node/{why.name}: {painted(state, state_colour(state), colour)}"]
    if why.message:
        lines.append(f"  {why.message}")
    lines += [f"  {text} keeps away what does not tolerate it" for text in why.refuses_all]
    free = why.free
    room = (
        f"{cores(free.get('cpuMillis', 0))} cpu, {size(free.get('memoryBytes', 0))} memory,"
        f" {size(free.get('diskBytes', 0))} disk"
    )
    lines.append(f"  free: {room}; {_count(why.tasks, 'task')} on it")
    if not why.waiting:
        return [*lines, "  no task waits for a node"]
    lines.append(f"  of {_count(why.waiting, 'waiting task')} it would take {len(why.takes)}{_names(why.takes)}")
    return [*lines, *(f"    {line}" for line in _groups(why.groups, "TASKS"))]


def _placement(why: WhyView, placement: PlacementView, one_node: bool) -> Iterable[str]:
    if one_node and placement.nodes:
        yield from _one(placement.nodes[0], placement)
        return
    yield _headline(why, placement)
    if placement.fitting:
        yield ""
        yield from _scores([verdict for verdict in placement.nodes if not verdict.failures], why.node)
    if placement.groups:
        yield ""
        yield from _groups(placement.groups, "NODES")
    if placement.changes:
        yield ""
        yield "it would fit with any one of:"
        for change in placement.changes:
            yield f"  {change.text}"


def _headline(why: WhyView, placement: PlacementView) -> str:
    count = f"{placement.fitting} of {_count(placement.total, 'node')}"
    if placement.total == 0:
        return "no node has joined yet (start one with 'taskyard agent')"
    if placement.at == "binding":
        return f"when it was bound to {why.node} (revision {placement.revision + 1}), {count} had room and fitted:"
    if why.node:
        return f"as things are now, {count} would take it:"
    if placement.fitting:
        return f"{count} would take it; it is placed in its turn:"
    fit = f"{count} {'fits' if placement.total == 1 else 'fit'}"
    if why.never is not None:
        return f"{fit}, and none would with nothing else on it: the nearest needs {why.never.text}"
    return fit


def _one(verdict: VerdictView, placement: PlacementView) -> Iterable[str]:
    then = f" when it was bound (revision {placement.revision + 1})" if placement.at == "binding" else ""
    if not verdict.failures:
        yield f"{verdict.node} fits{then}"
        yield ""
        yield from _scores([verdict], "")
        return
    yield f"{verdict.node} does not fit{then}:"
    for failure in verdict.failures:
        yield f"  {failure.phrase}{f' ({failure.detail})' if failure.detail else ''}"
    if placement.changes:
        yield f"it would fit with {placement.changes[0].text}"


def _scores(fitting: Sequence[VerdictView], chosen: str) -> list[str]:
    """The best ones, by what they differ in."""
    shown = list(fitting[:_SCORED])
    if chosen and chosen not in [verdict.node for verdict in shown]:
        shown += [verdict for verdict in fitting if verdict.node == chosen]
    names = [name for name in fitting[0].scores if len({verdict.scores.get(name) for verdict in fitting}) > 1]
    parts = [(name, _PARTS.get(name, _Part(name.upper(), "{:.3f}".format))) for name in names or ["room"]]
    rows = [
        [
            verdict.node + (" *" if verdict.node == chosen else ""),
            *(part.shown(verdict.scores.get(name, 0.0)) for name, part in parts),
        ]
        for verdict in shown
    ]
    lines = Table(["NODE", *(part.title for _, part in parts)], colour=False).lines(rows)
    more = len(fitting) - len(shown)
    lines += [f"and {more} more"] if more else []
    if len(fitting) > 1 and fitting[0].score == fitting[1].score:
        lines.append("of equal ones the one with the fewest tasks is taken, then the largest, then the first by name")
    return lines


class _Part(NamedTuple):
    """How a part of the score is shown, which is a number that only serves to rank."""

    title: str
    shown: Callable[[float], str]


def _yes(points: float) -> str:
    return "yes" if points else "no"


_PARTS = {
    "sticky": _Part("WAS THERE", _yes),
    "welcome": _Part("NO SOFT TAINT", _yes),
    "preferred": _Part("PREFERENCES", lambda points: f"{points / 10:+.0f}"),
    "room": _Part("ROOM", "{:.1%}".format),
}
"""By the name of the part. A weight of a preference is ten points; room is the share that is free, or with binpack the
share that is taken, and a little for an image that is there."""


def _groups(groups: Sequence[GroupView], column: str) -> list[str]:
    """The text, which may be long, comes last."""
    rows = [[str(group.count), ", ".join(_few(group.members)), group.text] for group in groups]
    return Table([column, "SUCH AS", "WHY NOT"], colour=False).lines(rows) if rows else []


def _few(members: Sequence[str]) -> list[str]:
    return [*members[:_NAMED], *(["…"] if len(members) > _NAMED else [])]


def _names(members: Sequence[str]) -> str:
    return f" ({', '.join(_few(members))})" if members else ""


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
