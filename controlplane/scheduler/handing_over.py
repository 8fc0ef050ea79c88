"""A task of which one copy may run at most, on its way from one node to another: stopped there, awaited, then bound.

What has to be over where is `exclusive`'s to say; this asks for it, and knows which tasks wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from controlplane.leading import FencedOut, commit_all
from controlplane.placement import Decision
from controlplane.scheduler.announcing import Announcer
from controlplane.scheduler.exclusive import Elsewhere, Ending, Over, Running, stop
from controlplane.scheduler.rounds import Round
from taskyard.clock import Clock
from taskyard.keys import NamedKey
from taskyard.store.api import Compare, Store

_LATE = 1e-6
"""Seconds after which it is looked at again: a due time that went through two additions is not exact."""


class Handover:
    """The scheduler's."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        announcer: Announcer,
        retry: Callable[[NamedKey], object],
        look_again: Callable[[NamedKey, float], None],
    ) -> None:
        self._store, self._clock, self._announcer = store, clock, announcer
        self._retry, self._look_again = retry, look_again
        self._ending: set[NamedKey] = set()

    def __contains__(self, key: object) -> bool:
        """It waits for its copy on another node to end."""
        return key in self._ending

    def expect(self, key: NamedKey, elsewhere: Mapping[str, Elsewhere]) -> None:
        """From now on, what its copies elsewhere report brings it up again. Call it under the cache's lock."""
        if not all(isinstance(there, Over) for there in elsewhere.values()):
            self._ending.add(key)

    def forget(self, key: NamedKey) -> None:
        self._ending.discard(key)

    def clear(self) -> None:
        self._ending.clear()

    def stop(self, fence: Compare, decisions: Sequence[Decision], round_: Round) -> None:
        """Those that are to leave a node that lives are stopped there first. Raises FencedOut."""
        stops = []
        for decision in decisions:
            key, found = decision.want.key, round_.elsewhere[decision.want.key]
            for node, there in found.items():
                if node != decision.node and isinstance(there, Running):
                    stops.append(stop(round_.standing[key].record, there.held))
                    self._announcer.moving(round_.standing[key].record, node, decision.node or "")
        if not stops:
            return
        results = commit_all(self._store, fence, stops)
        for proposal in results.not_written:
            self._retry(proposal.subject)
        if results.fenced_out:
            raise FencedOut

    def cleared(self, decision: Decision, round_: Round) -> tuple[Compare, ...] | None:
        """What has to hold so that no copy of it runs on another node; None while one may, and then it waits."""
        key = decision.want.key
        compares: list[Compare] = []
        for node, there in round_.elsewhere[key].items():
            if node == decision.node:
                continue
            if isinstance(there, Over):
                compares += there.compares
                continue
            if isinstance(there, Ending) and there.until is not None:
                self._look_again(key, there.until - self._clock.monotonic() + _LATE)
            return None
        return tuple(compares)
