"""Elector: at most one process leads a role at a time, and what it writes can be fenced.

The leader's key is only created where there is none, under the leader's own lease. Leadership ends on the leader's
clock before that lease can; a write still under way then fails on `fence`, because the next leader's key has another
create revision. A control plane's scheduler and controllers ask it before each round.
"""

from __future__ import annotations

import logging
import threading

import msgspec

from taskyard import keys
from taskyard.clock import Clock, timestamp
from taskyard.objects import BadValue, Wire, decode, encode
from taskyard.prepare import prepare
from taskyard.store.api import (
    Compare,
    Delete,
    Entry,
    LeaseExpired,
    Put,
    Store,
    StoreError,
    Watch,
    absent,
    same_life,
    unchanged,
)
from taskyard.store.lease import LeaseKeeper

_log = logging.getLogger(__name__)

_MARGIN = 0.1
"""Of the ttl: for clocks that do not run at the same speed, and for what lies between asking and writing."""
_POLL = 0.5
"""Seconds that `run` waits for the key in one go, and so the longest it takes to notice that it has to stop."""


class NotLeader(Exception):
    """This process does not lead, or cannot be certain that it still does: do nothing, and ask again later."""


class Leader(Wire, frozen=True, kw_only=True):
    """The value of `leader/<role>`. It is for people: who leads is decided by the lease that the key is under."""

    identity: str
    elected_at: str


prepare(Leader)


class Leadership(msgspec.Struct, frozen=True):
    """One term. It is over at `deadline`, on the monotonic clock, unless it is renewed before."""

    key: str
    create_revision: int
    deadline: float


class Elector:
    """`ttl` is in seconds. One thread steps; any may ask for `leadership` and `fence`."""

    def __init__(self, store: Store, clock: Clock, role: str, identity: str, *, ttl: float = 10.0) -> None:
        self._store = store
        self._clock = clock
        self._identity = identity
        self._ttl = ttl
        self._keeper = LeaseKeeper(store, clock, ttl)
        self._term: Leadership | None = None
        self._watch: Watch | None = None
        self._looked = 0
        """The revision of the last look at the key; 0 before the first."""
        self.key = keys.leader(role)
        self.leader = ""
        """Who led when it last looked; empty for nobody."""

    @property
    def leadership(self) -> Leadership | None:
        """None when it does not lead, and when it is not certain to."""
        term = self._term
        return term if term is not None and self._clock.monotonic() < term.deadline else None

    def fence(self) -> Compare:
        """What goes into every commit that only the leader may make. Raises NotLeader."""
        term = self.leadership
        if term is None:
            raise NotLeader(f"{self._identity} does not lead {self.key}; when last seen, {self.leader or 'nobody'} did")
        return same_life(term.key, term.create_revision)

    def step(self) -> float:
        """Renews or campaigns, once; seconds until it is to be called again. Never raises a StoreError."""
        started = self._clock.monotonic()
        try:
            if self._term is not None:
                self._renew(self._term)
            entry = self._look()
            if entry is None:
                self._end_term("its key is gone")
                self._campaign()
            elif self._is_own(entry):
                # Where a campaign's outcome was unknown, this is how its winner learns of it.
                self._begin_term(entry.create_revision)
            else:
                self._end_term(f"{self.leader or 'another'} does")
                self._follow(entry)
        except StoreError as error:
            _log.warning("%s, stepping for %s: %s", self._identity, self.key, error)
            return self._ttl / 10
        return max(started + self._ttl / 3 - self._clock.monotonic(), 0.0)

    def _renew(self, term: Leadership) -> None:
        try:
            self._keeper.renew()
        except LeaseExpired:
            self._end_term("its lease has expired")
        else:
            # Also when the look that follows fails: the lease lives, and the fence covers a key that was deleted.
            self._term = self._term_of(term.create_revision)

    def _look(self) -> Entry | None:
        listing = self._store.list(self.key)
        entry = next((entry for entry in listing.entries if entry.key == self.key), None)
        self._looked = listing.revision
        self.leader = _identity_in(entry)
        return entry

    def _is_own(self, entry: Entry | None) -> bool:
        return entry is not None and entry.lease != 0 and entry.lease == self._keeper.lease

    def _term_of(self, create_revision: int) -> Leadership:
        return Leadership(self.key, create_revision, self._keeper.deadline - self._ttl * _MARGIN)

    def _begin_term(self, create_revision: int) -> None:
        if self._term is None or self._term.create_revision != create_revision:
            _log.info("%s leads %s since revision %d", self._identity, self.key, create_revision)
        self._term = self._term_of(create_revision)
        self.leader = self._identity

    def _end_term(self, why: str) -> None:
        if self._term is not None:
            _log.warning("%s leads %s no more: %s", self._identity, self.key, why)
            self._term = None

    def _campaign(self) -> None:
        self._keeper.renew()
        value = encode(Leader(identity=self._identity, elected_at=timestamp(self._clock.now())))
        commit = self._store.commit([absent(self.key)], [Put(self.key, value, self._keeper.lease)])
        if commit.succeeded:
            self._begin_term(commit.revision)
            return
        winner = commit.current[self.key]
        self.leader = _identity_in(winner)
        if winner is not None and self._is_own(winner):
            # An earlier campaign, given up for lost, has arrived after all.
            self._begin_term(winner.create_revision)
        else:
            self._keeper.release()

    def _follow(self, leader: Entry) -> None:
        self._keeper.release()
        if not leader.lease:
            _log.warning("deleting %s: it is under no lease, so nobody leads by it and nobody ever could", self.key)
            self._store.commit([unchanged(leader)], [Delete(self.key)])

    def resign(self) -> None:
        """Stops leading at once. Giving up the lease takes the key along if, and only if, it is still the own one."""
        if self._term is not None:
            _log.info("%s resigns from %s", self._identity, self.key)
            self._term = None
        self._keeper.release()

    def run(self, stop: threading.Event) -> None:
        """Steps until `stop` is set, at once when a leader's key goes, and then resigns."""
        while not stop.is_set():
            try:
                self._wait(stop, self.step())
            except Exception:
                _log.exception("%s failed in stepping for %s; going on", self._identity, self.key)
                stop.wait(self._ttl / 10)
        self._close_watch()
        self.resign()

    def _wait(self, stop: threading.Event, delay: float) -> None:
        if self._term is not None or not self._looked:
            self._close_watch()
            stop.wait(delay)
            return
        until = self._clock.monotonic() + delay
        try:
            watch = self._watch = self._watch or self._store.watch(self.key, start_revision=self._looked + 1)
            while not stop.is_set() and (left := until - self._clock.monotonic()) > 0:
                batch = watch.poll(min(left, _POLL))
                if batch is not None and any(event.key == self.key for event in batch.events):
                    return
        except StoreError as error:
            _log.info("%s cannot watch %s, and looks again when it is time: %s", self._identity, self.key, error)
            self._close_watch()
            stop.wait(max(until - self._clock.monotonic(), 0.0))

    def _close_watch(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def _identity_in(entry: Entry | None) -> str:
    if entry is None:
        return ""
    try:
        return decode(entry.value, Leader).identity
    except BadValue:
        return ""
