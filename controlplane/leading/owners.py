"""The loop of services, jobs and crons: objects that own others, and have a record that their controller alone writes.

What there is to be done for one of them, and what to tell once that is written, its controller says; here is what they
have in common: one is left alone while it is going, while nobody can read its record, and while the cache does not show
its own last writes.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from controlplane.cluster import ClusterCache, ObjectRecord
from controlplane.leading.carrying import Write, carry_out
from controlplane.leading.commits import Proposal
from controlplane.leading.held import Held
from controlplane.leading.loop import LeaderLoop
from controlplane.leading.means import Means
from taskyard.keys import NamedKey, ObjectKey
from taskyard.store.api import Compare

R = TypeVar("R")
"""The record: how far the object is."""

_BEHIND = 0.05
"""Seconds after which one is looked at again whose own last writes the cache has not seen."""


@dataclass(frozen=True, slots=True)
class Look(Generic[R]):
    """What one look at an object has come to. `again_in`: seconds until time alone may make a difference."""

    proposals: Sequence[Proposal[Write]]
    before: R | None
    after: R
    again_in: float | None


class OwnerLoop(LeaderLoop[NamedKey], Generic[R]):
    """Keys are objects of one kind."""

    def __init__(self, means: Means, kind: str, unread: Callable[[ClusterCache, NamedKey], str]) -> None:
        """`unread`: what holds one whose record nobody can read, and what to do; empty: nothing does."""
        super().__init__(means)
        self._kind = kind
        self._log = logging.getLogger(type(self).__module__)
        self._held = Held(means, kind, unread)
        self._written: dict[NamedKey, int] = {}
        """The revision of the last write for each: until the cache has reached it, it shows less."""

    @abstractmethod
    def look(self, key: NamedKey, record: ObjectRecord) -> Look[R]:
        """Under the cache's lock."""

    @abstractmethod
    def tell(self, key: NamedKey, before: R | None, after: R) -> None:
        """What is new in the record, once it is written."""

    def begin_round(self) -> None:
        """Called under the cache's lock, before the first look of a round."""

    def cares_for(self, record: ObjectRecord) -> bool:
        return not record.value.metadata.deletion_timestamp

    def put_off(self, key: NamedKey) -> float:
        """Seconds for which it is left alone."""
        return _BEHIND if self.cache.revision < self._written.get(key, 0) else 0.0

    def note(self, proposal: Proposal[Write], revision: int) -> None:
        """It is written."""
        key = proposal.subject.owner
        self._written[key] = max(revision, self._written.get(key, 0))

    def forget(self, key: NamedKey) -> None:
        """It is gone, or going."""
        self._written.pop(key, None)
        self._held.forget(key)

    def begin_term(self) -> None:
        self._written.clear()
        self._held.clear()

    def everything(self) -> Sequence[NamedKey]:
        return [NamedKey(*key[1:]) for key in self.cache.objects if key.kind == self._kind]

    def work(self, batch: Sequence[NamedKey], fence: Compare) -> bool:
        proposals: list[Proposal[Write]] = []
        told: list[tuple[NamedKey, R | None, R]] = []
        with self.cache.lock:
            self.begin_round()
            for key in batch:
                record = self.cache.objects.get(ObjectKey(self._kind, *key))
                if record is None or not record.uid or not self.cares_for(record):
                    self.forget(key)
                elif self._held.holds(key, record.uid):
                    pass  # How far it is nobody knows: to begin anew would undo it, or run again what has run.
                elif (wait := self.put_off(key)) > 0:
                    self.queue.add_after(key, wait)
                else:
                    found = self.look(key, record)
                    proposals += found.proposals
                    if found.before != found.after:
                        told.append((key, found.before, found.after))
                    if found.again_in is not None:
                        self.queue.add_after(key, found.again_in)
        failed = carry_out(
            self,
            fence,
            batch,
            proposals,
            self._log,
            key=lambda write: write.owner,
            what=lambda write: write.label(self._kind),
            committed=self.note,
        )
        for key, before, after in told:
            if key not in failed:
                self.tell(key, before, after)
        return False
