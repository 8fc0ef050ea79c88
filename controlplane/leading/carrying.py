"""What a loop does with its decisions: one commit for many, a line in the log for each, and another look at the keys of
which not everything was written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass

from controlplane.leading.commits import Proposal, S, commit_all
from controlplane.leading.loop import FencedOut, K, LeaderLoop
from taskyard.keys import NamedKey, ObjectKey
from taskyard.store.api import Compare


@dataclass(frozen=True, slots=True)
class Write:
    """`what` is for the log: make, change, remove and so on. `owner`: the service, job or cron that it is for."""

    what: str
    owner: NamedKey
    name: str

    def label(self, kind: str) -> str:
        """`kind`: the owner's."""
        return f"{self.what} {self.name} for {ObjectKey(kind, *self.owner).label}"


@dataclass(frozen=True, slots=True)
class Step:
    """The next thing to be done for one object. `what` is for the log: cascade, finalise, record or forget."""

    what: str
    key: ObjectKey

    @property
    def label(self) -> str:
        return f"{self.what} {self.key.label}"


def carry_out(
    loop: LeaderLoop[K],
    fence: Compare,
    batch: Collection[K],
    proposals: Collection[Proposal[S]],
    log: logging.Logger,
    *,
    key: Callable[[S], K],
    what: Callable[[S], str],
    committed: Callable[[Proposal[S], int], None] | None = None,
) -> set[K]:
    """`batch`: the keys that were looked at, by the `key` of what a proposal is about; `what` completes `the store
    refuses to …`. `committed` is told each write and its revision.

    The keys of which something was not written, which are tried again, from the start. Raises FencedOut.
    """
    results = commit_all(loop.store, fence, tuple(proposals))
    for proposal, revision in results.committed:
        log.info("%s, at revision %d", what(proposal.subject), revision)
        if committed is not None:
            committed(proposal, revision)
    for proposal, reason in results.refused:
        log.error("the store refuses to %s: %s", what(proposal.subject), reason)
    left = dict.fromkeys(key(proposal.subject) for proposal in results.not_written)
    for one in batch:
        if one not in left:
            loop.queue.forget(one)
    for one in left:
        loop.queue.retry(one)
    if results.fenced_out:
        raise FencedOut
    return set(left)
