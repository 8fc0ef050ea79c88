"""Placement as the tables say it, with nothing clever: every filter on every node, then the best score."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from controlplane.placement import Around, Snapshot, Want, fits, total
from controlplane.placement.want import beyond


def place_plainly(snapshot: Snapshot, wants: Iterable[Want]) -> list[tuple[str, str | None, float]]:
    """Task, node and score of each decision, for wants in the order of their turns."""
    nodes, decisions = dict(snapshot.nodes), []
    for want in wants:
        seen = dict(nodes)
        if want.held is not None and want.held.node in seen:
            seen[want.held.node] = seen[want.held.node].released(want.held.demand)
        around = Around(replace(snapshot, nodes=seen))
        fitting = [
            (-total(want.demand, node, around, name == want.current), node.tasks, node.facts.precedence)
            for name, node in seen.items()
            if fits(want.demand, node, around)
        ]
        if not fitting:
            decisions.append((want.key.name, None, 0.0))
            continue
        score, _, (*_, name) = min(fitting)
        stays = want.held is not None and want.held.node == name
        nodes[name] = nodes[name].charged(
            beyond(want.demand, want.held.demand) if want.held is not None and stays else want.demand
        )
        decisions.append((want.key.name, name, -score))
    return decisions
