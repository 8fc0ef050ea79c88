"""The node's registration: who this host is, kept in the store under a lease for as long as the agent lives.

A name belongs to one host at a time: an agent takes over what its own host left behind, and refuses what another holds.
Stepped on the lease's own thread; asked by the effects whether the node still speaks for itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

import msgspec

from nodeagent.guard import Guard
from taskyard import keys
from taskyard.clock import Clock
from taskyard.objects import BadValue, NodeCondition, NodeLease, decode, encode
from taskyard.store.api import (
    Commit,
    Compare,
    Entry,
    Operation,
    Put,
    Store,
    StoreError,
    same_life,
    unchanged_since,
)
from taskyard.store.informer import Change
from taskyard.store.lease import LeaseKeeper

log = logging.getLogger(__name__)

_HELD_PAUSE = 2.0
"""Seconds between looks whether another host has let go of the name."""


class NameHeld(Exception):
    """Another host runs as this node."""


def holder(entry: Entry | None, ours: NodeLease, *, registered: bool) -> str:
    """The address of the other host that holds the name; empty when it is free or ours.

    `registered`: this agent has held it. Then a later one with the same identity is on a copy of this machine: two
    agents of one host exclude each other by their data folder.
    """
    if entry is None:
        return ""
    try:
        found = decode(entry.value, NodeLease)
    except BadValue:
        # Unleased rubbish put by hand is nobody's; under a lease it is some agent's, perhaps of a newer version.
        return "an agent whose registration cannot be read" if entry.lease else ""
    same = found.host_id == ours.host_id and (found.incarnation == ours.incarnation or not registered)
    return "" if same else found.address


class Registration:
    """Implements Standing. `step` and `run` belong to one thread; the rest may be called from any."""

    def __init__(self, store: Store, clock: Clock, node: str, value: NodeLease, *, ttl: float, guard: Guard) -> None:
        self._store = store
        self._clock = clock
        self._key = keys.node_lease(node)
        self._value = value
        self._ttl = ttl
        self._guard = guard
        self._keeper = LeaseKeeper(store, clock, ttl, on_lost=lambda _lease: guard.fence())
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._due = True
        self._registered_under = 0
        self._put = b""
        """What was written last, perhaps in vain."""
        self._create_revision = 0
        self._holds_name = False
        self._registered = False
        """At any time since the start."""
        self.held_by = ""
        """The other host's address, while one holds the name."""

    def holds_name(self) -> bool:
        return self._holds_name

    @property
    def due(self) -> bool:
        """The store has another registration than the one that is to be there, or none: `step` writes it."""
        return self._due

    def certain(self) -> bool:
        return self._keeper.held and self._registered_under == self._keeper.lease

    def fence(self) -> Compare | None:
        return same_life(self._key, self._create_revision) if self._create_revision else None

    def lease(self) -> int:
        """What may be put under the node's life; 0 while it is not registered."""
        return self._registered_under if self._registered_under == self._keeper.lease else 0

    def describe_runtime(self, description: str, images: frozenset[str]) -> None:
        """What is not known while the runtime does not answer stays as it was."""
        self._tell(lambda value: msgspec.structs.replace(value, runtime=description, images=sorted(images)))

    def describe_conditions(self, conditions: Sequence[NodeCondition]) -> None:
        """All that hold."""
        self._tell(lambda value: msgspec.structs.replace(value, conditions=list(conditions)))

    def _tell(self, change: Callable[[NodeLease], NodeLease]) -> None:
        with self._lock:
            value = change(self._value)
            self._due = self._due or value != self._value
            self._value = value
        if self._due:
            self._wake.set()

    def drain(self) -> None:
        """Asks the control plane to have what runs here go elsewhere, for as long as this agent lives."""
        with self._lock:
            self._value = msgspec.structs.replace(self._value, draining=True)
            self._due = True
        self._wake.set()

    def changed(self, changes: Sequence[Change]) -> None:
        """For Informer.subscribe: somebody deleted or replaced the registration, or a store that was restored has it as
        it was before: what it says of the node may be over."""
        for change in changes:
            new = change.new
            ours = new is not None and new.lease == self._registered_under and new.value == self._put
            if change.key == self._key and self._registered_under and not ours:
                self._due = True
                self._wake.set()

    def step(self) -> float:
        """Renews the lease, registers where that is due; seconds until the next call. Store failures are logged."""
        pause = self._keeper.step()
        if not self._keeper.lease:
            return pause
        if self._due or self._registered_under != self._keeper.lease:
            try:
                self._register()
            except NameHeld as error:
                log.error("%s", error)
                return min(pause, _HELD_PAUSE)
            except StoreError as error:
                log.warning("the node could not be registered: %s", error)
                return min(pause, self._ttl / 10)
        if self.certain():
            self._guard.extend(self._keeper.deadline, self._ttl)
        return pause

    def _register(self) -> None:
        with self._lock:
            self._due = False
            value = self._value
        try:
            self._write(value)
        except (StoreError, NameHeld):
            self._due = True
            raise

    def _write(self, value: NodeLease) -> None:
        entry = self._store.get(self._key)
        self.held_by = holder(entry, value, registered=self._registered)
        if self.held_by:
            # The tasks assigned to this name are another host's to run, whatever was ours before.
            self._holds_name = False
            self._guard.fence()
            self._registered_under = self._create_revision = 0
            raise NameHeld(
                f"the node name in {self._key} is held by another host, {self.held_by}: "
                "start this agent with another --node, or stop that one"
            )
        lease, self._put = self._keeper.lease, encode(value)
        commit = self._store.commit(
            [unchanged_since(self._key, entry.mod_revision if entry else 0)], [Put(self._key, self._put, lease)]
        )
        if not commit.succeeded:
            raise StoreError(f"{self._key} changed while it was being written")
        self._create_revision = entry.create_revision if entry else commit.revision
        self._registered_under = lease
        self._holds_name = self._registered = True

    def run(self, stop: threading.Event) -> None:
        pause = 0.0
        while not stop.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            if stop.is_set():
                return
            try:
                pause = self.step()
            except Exception:
                log.exception("the registration failed; going on")
                pause = self._ttl / 10

    def wake(self) -> None:
        """Lets `run` notice that it has to stop."""
        self._wake.set()

    def leave(self) -> None:
        """Says that the agent stops, so that nothing new is placed here. The lease is left to expire by itself: an
        agent that is back before, after an upgrade, finds all its tasks where they were."""
        fence, lease = self.fence(), self.lease()
        self._registered_under = self._create_revision = 0
        if fence is None or not lease:
            return
        value = msgspec.structs.replace(self._value, stopping=True)
        try:
            self._store.commit([fence], [Put(self._key, encode(value), lease)])
        except StoreError as error:
            log.info("the store was not told that this agent stops: %s", error)

    def commit(self, operations: Sequence[Operation]) -> Commit | None:
        """Writes that hold only while registered; None while it is not."""
        fence = self.fence()
        return self._store.commit([fence], operations) if fence else None
