"""What a controller of owners does with its decisions: one commit for many, a line in the log for each, and a retry of
what was not written. Services, jobs and crons do it alike."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controlplane.leading.commits import Proposal, commit_all
from controlplane.leading.loop import FencedOut, LeaderLoop
from taskyard.keys import NamedKey
from taskyard.store.api import Compare, Store


@dataclass(frozen=True, slots=True)
class Write:
    """`what` is for the log: make, change, remove and so on. `owner`: the service, job or cron that it is for."""

    what: str
    owner: NamedKey
    name: str


def carry_out(
    loop: LeaderLoop[NamedKey],
    store: Store,
    fence: Compare,
    proposals: Sequence[Proposal[Write]],
    committed: Callable[[NamedKey, int], None],
    log: logging.Logger,
    kind: str,
) -> set[NamedKey]:
    """The owners of which something was not written: they are looked at again, from the start. `committed` is told the
    owner and the revision of each write. Raises FencedOut."""
    results = commit_all(store, fence, proposals)
    for proposal, revision in results.committed:
        write = proposal.subject
        committed(write.owner, revision)
        log.info("%s/%s: %s %s at revision %d", kind, write.owner.name, write.what, write.name, revision)
    left = [*(stale.proposal for stale in results.stale), *results.unknown, *results.untried]
    for proposal, reason in results.refused:
        write = proposal.subject
        log.error("the store refuses to %s %s for %s/%s: %s", write.what, write.name, kind, write.owner, reason)
        left.append(proposal)
    failed = {proposal.subject.owner for proposal in left}
    for key in failed:
        loop.queue.retry(key)
    if results.fenced_out:
        raise FencedOut
    return failed
