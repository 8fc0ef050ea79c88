"""What becomes of a wish that a task go to a certain node: a binding like any other, or a refusal and its reason. Pure.

Bindings have one writer, so whoever wants a task moved asks the scheduler. What only one node can run stays there.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from controlplane.cluster import ClusterCache, MoveRecord
from controlplane.cluster.effective import current_status, needs_binding, runs
from controlplane.cluster.failing import keeps_failing
from controlplane.cluster.rules import pinned
from controlplane.leading import Proposal
from controlplane.placement import Decision, Snapshot, explain, want_of
from controlplane.placement.budgets import Budgets, counted
from controlplane.scheduler.bindings import Bound, Target, propose, standing_of
from taskyard import keys
from taskyard.clock import parse_timestamp
from taskyard.keys import NamedKey
from taskyard.store.api import Delete, unchanged, unchanged_since

LASTS = 60.0
"""Seconds after which a wish that nobody has dealt with is void: by then nobody waits for it any more."""
TOO_FEW_LEFT = "while it moves, fewer than minAvailable would be left"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`why` is empty for a wish that means nothing any more."""

    why: str = ""


def judge(
    cache: ClusterCache, snapshot: Snapshot, budgets: Budgets, key: NamedKey, asked: MoveRecord, now: float
) -> Decision | Refusal:
    """`budgets`: of what runs; a move that is decided on is taken from them. `now`: seconds since the epoch. Call it
    under the cache's lock."""
    move, record = asked.move, cache.tasks.get(key)
    binding = record.task.binding if record is not None else None
    if record is None or binding is None or (move.uid, move.epoch) != (record.uid, binding.epoch):
        return Refusal()
    if record.task.metadata.deletion_timestamp or needs_binding(cache, record) or move.to == binding.node:
        return Refusal()
    status = current_status(cache, record)
    if status is not None and status.status.state.terminal:
        return Refusal("it has ended")
    if _age(move.requested_at, now) > LASTS:
        return Refusal(f"nothing was done about it for {LASTS:.0f} s")
    if move.avoid and (status is None or not keeps_failing(record.task.spec, status.status)):
        return Refusal()  # It has found its feet.
    if why := pinned(record.task.spec):
        return Refusal(why)
    want = want_of(cache, record)
    found = explain(snapshot, want.demand, current=want.current, held=want.held)
    verdict = next((verdict for verdict in found.nodes if verdict.node == move.to), None)
    if verdict is None:
        return Refusal(f"there is no node {move.to}")
    if verdict.failures:
        reasons = ", ".join(f"{each.filter}{f' ({each.detail})' if each.detail else ''}" for each in verdict.failures)
        return Refusal(f"it does not fit on {move.to}: {reasons}")
    if runs(cache, record) and not budgets.take(counted(cache, record)):
        return Refusal(TOO_FEW_LEFT)
    return Decision(want, move.to, want.demand, verdict.score)


def grant(cache: ClusterCache, snapshot: Snapshot, decision: Decision, asked: MoveRecord, at: str) -> Proposal[Bound]:
    """The binding, which takes the wish away with it. What its agent reports at the last moment, an end perhaps,
    counts: then it stays. Call it under the cache's lock."""
    record, to = cache.tasks[decision.want.key], asked.move.to
    status = cache.status_on(record.uid, record.node)
    there = unchanged_since(keys.status(record.node, record.uid), status.entry.mod_revision if status else 0)
    unread = cache.informer.entries.get(keys.assignment(to, record.uid))
    proposal = propose(
        standing_of(cache, record),
        Target(to, snapshot.nodes[to].facts.life),
        decision.charge,
        also=(unchanged(asked.entry), there),
        unread=unread.mod_revision if unread is not None else 0,
        avoid=asked.move.avoid,
        at=at,
    )
    return replace(
        proposal,
        subject=replace(proposal.subject, asked=record.node),
        operations=(*proposal.operations, Delete(asked.entry.key)),
    )


def drop(key: NamedKey, asked: MoveRecord) -> Proposal[NamedKey]:
    return Proposal(key, (unchanged(asked.entry),), (Delete(asked.entry.key),))


def _age(moment: str, now: float) -> float:
    try:
        return now - parse_timestamp(moment)
    except ValueError:
        return 0.0
