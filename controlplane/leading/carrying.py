"""What controllers do with their decisions: one commit for many, a line in the log for each, and a retry of what was
not written. Services, jobs and crons do it for an owner each, ownership and volumes a step at a time for an object,
relocation, return and maintenance one write for each key of their queue."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from controlplane.leading.commits import Proposal, commit_all
from controlplane.leading.loop import FencedOut, K, LeaderLoop
from taskyard.keys import NamedKey, ObjectKey
from taskyard.store.api import Compare


@dataclass(frozen=True, slots=True)
class Write:
    """`what` is for the log: make, change, remove and so on. `owner`: the service, job or cron that it is for."""

    what: str
    owner: NamedKey
    name: str


def carry_out(
    loop: LeaderLoop[NamedKey],
    fence: Compare,
    proposals: Sequence[Proposal[Write]],
    committed: Callable[[NamedKey, int], None],
    log: logging.Logger,
    kind: str,
) -> set[NamedKey]:
    """The owners of which something was not written: they are looked at again, from the start. `committed` is told the
    owner and the revision of each write. Raises FencedOut."""
    results = commit_all(loop.store, fence, proposals)
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


@dataclass(frozen=True, slots=True)
class Step:
    """The next thing to be done for one object. `what` is for the log: cascade, finalise, record or forget."""

    what: str
    key: ObjectKey


def carry_out_steps(
    loop: LeaderLoop[K],
    fence: Compare,
    proposals: Sequence[Proposal[Step]],
    asked: Mapping[ObjectKey, K],
    log: logging.Logger,
) -> None:
    """`asked`: by the object of a step, the key of the loop's queue that it was looked at for, which is forgotten once
    the step is written and else tried again. Raises FencedOut."""
    results = commit_all(loop.store, fence, proposals)
    for proposal, revision in results.committed:
        loop.queue.forget(asked[proposal.subject.key])
        log.info("%s %s at revision %d", proposal.subject.what, proposal.subject.key.label, revision)
    left = [*(stale.proposal for stale in results.stale), *results.unknown, *results.untried]
    for proposal, reason in results.refused:
        log.error("the store refuses to %s %s: %s", proposal.subject.what, proposal.subject.key.label, reason)
        left.append(proposal)
    for key in dict.fromkeys(asked[proposal.subject.key] for proposal in left):
        loop.queue.retry(key)
    if results.fenced_out:
        raise FencedOut


def carry_out_keys(
    loop: LeaderLoop[K],
    fence: Compare,
    proposals: Sequence[Proposal[K]],
    what: Callable[[K], str],
    log: logging.Logger,
    committed: Callable[[K, int], None] | None = None,
) -> None:
    """Each proposal's subject is the key of the loop's queue that it was looked at for, which is forgotten once it is
    written and else tried again. `what` completes `the store refuses …`. `committed` is told the revision of each
    write. Raises FencedOut."""
    results = commit_all(loop.store, fence, proposals)
    for proposal, revision in results.committed:
        loop.queue.forget(proposal.subject)
        if committed is not None:
            committed(proposal.subject, revision)
    left = [*(stale.proposal for stale in results.stale), *results.unknown, *results.untried]
    for proposal, reason in results.refused:
        log.error("the store refuses %s: %s", what(proposal.subject), reason)
        left.append(proposal)
    for proposal in left:
        loop.queue.retry(proposal.subject)
    if results.fenced_out:
        raise FencedOut
