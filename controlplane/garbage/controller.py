"""The garbage collector's loop: everything is looked at once a minute and when something is due; little goes at once.

It asks for the deletion of what `decide` names, as a person would, and the task and ownership controllers carry that
out; records without an object it deletes itself.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from msgspec.structs import replace

from controlplane.admission import removal_of
from controlplane.cluster import CacheChange
from controlplane.garbage.decide import Collected, Keep, decide
from controlplane.garbage.gather import Orphan, finished, keep_of, needed, orphans
from controlplane.garbage.sightings import Sightings
from controlplane.leading import FencedOut, LeaderLoop, Means, Proposal, commit_all
from taskyard import keys
from taskyard.annotations import COLLECTED
from taskyard.objects import ObjectRef, encode
from taskyard.store.api import Compare, Delete, Put

_log = logging.getLogger(__name__)

MOST = 100
"""Objects that are deleted at one look."""
_PAUSE = 1.0
"""Seconds until the next look when that was not all: ten thousand go within two minutes, and others get their turn."""
_LEFT_ALONE = 600.0
"""Seconds for which a record without an object stays: somebody may be putting the object back."""
_ALL = "all"
"""The only key: what goes first shows when everything is looked at together."""

Step = Collected | Orphan


class GarbageCollector(LeaderLoop[str]):
    """Run it in one thread, or step it. `keep`: in namespaces that say nothing else."""

    kinds = ()

    def __init__(self, means: Means, keep: Keep) -> None:
        super().__init__(means)
        self._keep = keep
        self._ended, self._alone = Sightings(), Sightings()

    def begin_term(self) -> None:
        self._ended.clear()
        self._alone.clear()

    def everything(self) -> Sequence[str]:
        return [_ALL]

    def dirty(self, _: Sequence[CacheChange]) -> Sequence[str]:
        """Nothing is so urgent: what has ended now is due later."""
        return []

    def work(self, _: Sequence[str], fence: Compare) -> bool:
        now = self.clock.now()
        with self.cache.lock:
            ended, awaited = list(finished(self.cache)), needed(self.cache)
            decision = decide(
                ended,
                lambda namespace: keep_of(self.cache, namespace, self._keep),
                awaited.__contains__,
                self._ended.look({each.entry.key: each.since for each in ended}, self.clock.monotonic()),
                now,
                MOST,
            )
            left_over = self._left_alone()[: MOST - len(decision.collects)]
        proposals: list[Proposal[Step]] = [_collect(each, now) for each in decision.collects]
        proposals += [Proposal(each, each.compares, (Delete(each.entry.key),)) for each in left_over]
        results = commit_all(self.store, fence, proposals)
        for proposal, revision in results.committed:
            self._tell(proposal.subject, revision)
        for proposal, reason in results.refused:
            _log.error("the store refuses to collect %s: %s", _name(proposal.subject), reason)
        if results.fenced_out:
            raise FencedOut
        self.queue.forget(_ALL)
        if decision.more or results.unknown or results.untried:
            self.queue.add_after(_ALL, _PAUSE)
        elif decision.again_in is not None:
            self.queue.add_after(_ALL, max(decision.again_in, _PAUSE))
        return False

    def _left_alone(self) -> list[Orphan]:
        """Those that have had no object for long enough."""
        found = {each.entry.key: each for each in orphans(self.cache)}
        revisions = {key: each.entry.mod_revision for key, each in found.items()}
        seen = self._alone.look(revisions, self.clock.monotonic())
        return [each for key, each in found.items() if seen[key] >= _LEFT_ALONE]

    def _tell(self, subject: Step, revision: int) -> None:
        _log.info("collected %s at revision %d", _name(subject), revision)
        if isinstance(subject, Collected):
            key, uid = subject.ended.key, subject.ended.value.metadata.uid
            about = ObjectRef(kind=key.kind, name=key.name, uid=uid)
            self._events.emit(about, key.namespace, "Collected", f"it has finished, and {subject.why}")


def _collect(each: Collected, now: float) -> Proposal[Step]:
    value, place = each.ended.value, each.ended.entry.key
    told = {**value.metadata.annotations, COLLECTED: each.why}
    gone = removal_of(replace(value, metadata=replace(value.metadata, annotations=told)), now).value
    operation = Put(place, encode(gone)) if gone is not None else Delete(place)
    return Proposal(each, each.ended.rests_on, (operation,))


def _name(subject: Step) -> str:
    return subject.ended.key.label if isinstance(subject, Collected) else subject.entry.key.removeprefix(keys.ROOT)
