"""What keeps a create whose answer did not come from being carried out after all, later than anybody expects it.

A create rests on its key being absent, and that is true again once what its repetition made was deleted. So each create
also compares one key of the whole cluster, and a writer that got no answer changes that key before it looks whether the
object is there: whatever is still on its way fails from then on. docs/decisions/0024 says why not otherwise.
"""

from __future__ import annotations

import msgspec

from taskyard import keys
from taskyard.clock import Clock, timestamp
from taskyard.store.api import Commit, Compare, OutcomeUnknown, Put, Store, StoreUnavailable, unchanged_since


class ClosedOff(msgspec.Struct, frozen=True, rename="camel"):
    """The key's value, for people: what etcd compares is its revision."""

    closed_at: str


class Creates:
    """One for each writer; any number of threads. It learns the key's revision from answers."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._revision = 0

    def compare(self) -> Compare:
        return unchanged_since(keys.CREATES, self._revision)

    def learn(self, failed: Commit) -> None:
        """From a commit that compared it and did not succeed."""
        entry = failed.current.get(keys.CREATES)
        self._revision = entry.mod_revision if entry else 0

    def close_off(self, sent: Compare) -> None:
        """No request that compares `sent` is carried out from now on. Raises OutcomeUnknown when that cannot be had."""
        value = msgspec.json.encode(ClosedOff(timestamp(self._clock.now())))
        try:
            commit = self._store.commit([sent], [Put(keys.CREATES, value)])
        except StoreUnavailable as error:
            raise OutcomeUnknown(f"a create got no answer, and may yet be carried out: {error}") from error
        if commit.succeeded:
            self._revision = commit.revision
        else:
            # Somebody else has changed it since, which does as well.
            self.learn(commit)
