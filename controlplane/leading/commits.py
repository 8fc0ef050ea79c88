"""Many small decisions in few transactions, each of them fenced.

When a transaction fails, the answer holds the compared keys as they are now, so it is known which decisions were
stale: the others go again at once, without them. The scheduler and the controllers write through this alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Generic, TypeVar

import msgspec

from taskyard.store.api import (
    MAX_COMMIT_BYTES,
    MAX_OPERATIONS,
    Commit,
    Compare,
    Entry,
    Operation,
    Put,
    RequestRefused,
    Store,
    StoreUnavailable,
)

S = TypeVar("S")

_IN_FLIGHT = 8
"""Transactions that etcd has at once: while it writes one to its disk the next ones are made and sent."""


class Proposal(msgspec.Struct, Generic[S], frozen=True):
    """One decision: what it rests on and what it writes, all or nothing. `subject` is for whoever made it."""

    subject: S
    compares: tuple[Compare, ...]
    operations: tuple[Operation, ...]


class Stale(msgspec.Struct, Generic[S], frozen=True):
    """Something that it rested on has changed; `current` is how those keys were at `revision`."""

    proposal: Proposal[S]
    revision: int
    current: dict[str, Entry | None]

    @property
    def done_before(self) -> bool:
        """The store has just what it was to write: an earlier try of it, whose answer was lost, had succeeded."""
        puts = [op for op in self.proposal.operations if isinstance(op, Put) and op.key in self.current]
        return bool(puts) and all((now := self.current[op.key]) is not None and now.value == op.value for op in puts)


@dataclass(slots=True)
class Results(Generic[S]):
    """What became of each proposal; every one is in one list."""

    committed: list[tuple[Proposal[S], int]] = field(default_factory=list)
    """With the revision of its transaction."""
    stale: list[Stale[S]] = field(default_factory=list)
    unknown: list[Proposal[S]] = field(default_factory=list)
    """Sent, but no answer came. Sending the very same again is safe: it succeeds once at most."""
    untried: list[Proposal[S]] = field(default_factory=list)
    refused: list[tuple[Proposal[S], str]] = field(default_factory=list)
    """The store will never take it, and why."""
    fenced_out: bool = False
    """Another leads now. Nothing was written after that was seen."""

    def add(self, other: Results[S]) -> None:
        self.committed += other.committed
        self.stale += other.stale
        self.unknown += other.unknown
        self.untried += other.untried
        self.refused += other.refused
        self.fenced_out = self.fenced_out or other.fenced_out

    @property
    def end_it(self) -> bool:
        """Nothing more may be sent after them: another leads, or an answer did not come."""
        return self.fenced_out or bool(self.unknown)

    @property
    def not_written(self) -> list[Proposal[S]]:
        """As far as is known."""
        refused = [proposal for proposal, _ in self.refused]
        return [*(stale.proposal for stale in self.stale), *self.unknown, *self.untried, *refused]


def commit_all(store: Store, fence: Compare, proposals: Sequence[Proposal[S]]) -> Results[S]:
    """Never raises for what a store may answer; sends no more after the first answer that does not come."""
    results: Results[S] = Results()
    left, parts = proposals, list(islice(batches(proposals), 2))
    if len(parts) == 1:
        # There is nothing to be made or sent meanwhile, and gRPC starts a thread for a call that is not waited for.
        again = _note(parts[0], partial(store.commit, *transaction(fence, parts[0])), fence, results)
        left = [proposal for part in again for proposal in part]
    for answered in committing(store, fence, left):
        results.add(answered)
    return results


def committing(store: Store, fence: Compare, proposals: Iterable[Proposal[S]]) -> Iterator[Results[S]]:
    """As `commit_all`: what became of some of them, each time that an answer has come. Meanwhile etcd has others, so
    that it works while these are dealt with, and while `proposals` makes the next ones."""
    unsent = batches(proposals)
    again: deque[list[Proposal[S]]] = deque()
    sent: deque[tuple[list[Proposal[S]], Callable[[], Commit]]] = deque()
    over = False
    while not over or sent:
        while not over and len(sent) < _IN_FLIGHT and (batch := again.popleft() if again else next(unsent, None)):
            sent.append((batch, store.begin_commit(*transaction(fence, batch))))
        if not sent:
            break
        results: Results[S] = Results()
        batch, answer = sent.popleft()
        again.extendleft(reversed(_note(batch, answer, fence, results)))
        over = over or results.end_it
        yield results
    untried = [proposal for batch in (*again, *unsent) for proposal in batch]
    if untried:
        yield Results(untried=untried)


def _note(
    batch: list[Proposal[S]], answered: Callable[[], Commit], fence: Compare, results: Results[S]
) -> list[list[Proposal[S]]]:
    """Waits for what became of it; what is to be sent again, in this order."""
    try:
        answer = answered()
    except StoreUnavailable:
        results.unknown += batch
        return []
    except RequestRefused as error:
        if len(batch) > 1:
            return [[proposal] for proposal in batch]
        results.refused.append((batch[0], str(error)))
        return []
    if answer.succeeded:
        results.committed += [(proposal, answer.revision) for proposal in batch]
        return []
    if not _holds(fence, answer):
        results.fenced_out = True
        results.untried += batch
        return []
    return _without_stale(batch, answer, results)


def _without_stale(batch: list[Proposal[S]], answer: Commit, results: Results[S]) -> list[list[Proposal[S]]]:
    fresh = []
    for proposal in batch:
        if all(_holds(compare, answer) for compare in proposal.compares):
            fresh.append(proposal)
        else:
            current = {compare.key: answer.current.get(compare.key) for compare in proposal.compares}
            results.stale.append(Stale(proposal, answer.revision, current))
    if len(fresh) < len(batch):
        return [fresh] if fresh else []
    # A store that says no without a compare that fails: halves, so that one odd decision cannot hold up the others.
    if len(batch) == 1:
        results.stale.append(Stale(batch[0], answer.revision, answer.current))
        return []
    middle = len(batch) // 2
    return [batch[:middle], batch[middle:]]


def transaction(fence: Compare, batch: Sequence[Proposal[S]]) -> tuple[list[Compare], list[Operation]]:
    """The compares and operations of one commit."""
    compares = dict.fromkeys([fence, *(compare for proposal in batch for compare in proposal.compares)])
    return list(compares), [operation for proposal in batch for operation in proposal.operations]


def batches(proposals: Iterable[Proposal[S]]) -> Iterator[list[Proposal[S]]]:
    """In order, each within etcd's limits on compares (counted once each), operations and bytes."""
    batch: list[Proposal[S]] = []
    compares: set[Compare] = set()
    operations = size = 0
    for proposal in proposals:
        added = set(proposal.compares) - compares
        weight = _weight(proposal.operations)
        full = (
            1 + len(compares) + len(added) > MAX_OPERATIONS
            or operations + len(proposal.operations) > MAX_OPERATIONS
            or size + weight > MAX_COMMIT_BYTES
        )
        if batch and full:
            yield batch
            batch, compares, operations, size = [], set(), 0, 0
            added = set(proposal.compares)
        batch.append(proposal)
        compares |= added
        operations += len(proposal.operations)
        size += weight
    if batch:
        yield batch


def _weight(operations: Iterable[Operation]) -> int:
    weight = 0
    for operation in operations:
        weight += len(operation.key)
        if isinstance(operation, Put):
            weight += len(operation.value)
    return weight


def _holds(compare: Compare, answer: Commit) -> bool:
    entry = answer.current.get(compare.key)
    if entry is None:
        return compare.revision == 0
    return compare.revision == (entry.mod_revision if compare.target == "mod" else entry.create_revision)
