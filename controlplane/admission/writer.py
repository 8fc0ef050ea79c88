"""Applies and deletes objects in the store: read, decide, compare-and-swap, and again when someone was faster.

The deciding is in decide.py. Called by the REST facade and by the manifests folder, from worker threads; every call
blocks for as long as the store does. One writer serves any number of threads.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controlplane.admission.bounds import beyond_limits
from controlplane.admission.chunks import chunks
from controlplane.admission.creates import Creates
from controlplane.admission.cycles import Judged, judge, waits
from controlplane.admission.decide import Refused, Removal, Verdict, decide, decide_delete
from controlplane.admission.namespaces import Namespaces
from controlplane.admission.outcome import ROUNDS, Applied, Deleted, Unwanted, Wanted, check_match, overtaken, stored
from controlplane.admission.removal import delete_objects, reread
from controlplane.defaults import admitted
from taskyard import keys
from taskyard.clock import Clock
from taskyard.keys import ObjectKey
from taskyard.objects import AnyObject, encode, key_of
from taskyard.store.api import MAX_OPERATIONS, Entry, OutcomeUnknown, Put, Store, unchanged_since


@dataclass(slots=True)
class _Pending:
    """One object on its way: what it is compared with, and what was last sent without an answer."""

    index: int
    wanted: Wanted
    key: str
    uid: str
    known: Entry | None
    fresh: bool
    namespaces: Namespaces
    sent: AnyObject | None = None
    before: AnyObject | None = None


_Ready = tuple[_Pending, Verdict]


def random_uid() -> str:
    """As Metadata.uid wants it: 12 hex digits."""
    return secrets.token_hex(6)


class ObjectWriter:
    """`guess` may name what a cache holds under a key: it saves a read, and the compare catches it when it is old."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        guess: Callable[[str], Entry | None] | None = None,
        new_uid: Callable[[], str] = random_uid,
    ) -> None:
        self._store = store
        self._clock = clock
        self._guess = guess
        self._new_uid = new_uid
        self._creates = Creates(store, clock)

    def apply(
        self,
        value: AnyObject,
        source: str = "",
        *,
        dry_run: bool = False,
        take_over: bool = False,
        create_only: bool = False,
        if_match: int | None = None,
    ) -> Applied | Refused:
        """Creates or replaces one object, whose spec is validated and normalised.

        Raises OutcomeUnknown when the write may or may not have happened, StoreUnavailable when nothing was sent.
        """
        return self.apply_many([Wanted(value, source, take_over, create_only, if_match)], dry_run=dry_run)[0]

    def apply_many(self, wanted: Sequence[Wanted], *, dry_run: bool = False) -> list[Applied | Refused]:
        """As `apply`, for many at once, a hundred and more in one commit; each is decided and answered for itself."""
        outcomes: dict[int, Applied | Refused] = {}
        namespaces = self._namespaces(wanted)
        waiting = [self._start(index, item, namespaces) for index, item in enumerate(wanted)]
        size = MAX_OPERATIONS - 3  # beside what creates and dependencies compare, and the fence that the folder adds
        for _ in range(ROUNDS):
            ready: list[_Ready] = []
            for pending in waiting:
                outcome = self._decide(pending, dry_run)
                if isinstance(outcome, Verdict):
                    ready.append((pending, outcome))
                else:
                    outcomes[pending.index] = outcome
            plain, waiting = [item for item in ready if not _is_in_graph(item)], []
            for space in dict.fromkeys(item[1].value.metadata.namespace for item in ready if _is_in_graph(item)):
                related = [i for i in ready if _is_in_graph(i) and i[1].value.metadata.namespace == space]
                for chunk in _chunks(related, size):
                    waiting += self._write_related(space, chunk, outcomes)
            waiting += [left for chunk in _chunks(plain, size) for left in self._write(chunk, outcomes)]
            if not waiting:
                break
            size = max(1, size // 4)
        outcomes |= {pending.index: overtaken(pending.wanted.value) for pending in waiting}
        return [outcomes[index] for index in range(len(wanted))]

    def check(self, wanted: Sequence[Wanted]) -> list[Refused | None]:
        """What would be refused; writes nothing. None is no promise: things may change until `apply_many`."""
        refused: list[Refused | None] = []
        namespaces = self._namespaces(wanted)
        for index, item in enumerate(wanted):
            pending = self._start(index, item, namespaces)
            outcome = self._judge(pending)
            if isinstance(outcome, Refused) and not pending.fresh:
                pending.known, pending.fresh = self._store.get(pending.key), True
                outcome = self._judge(pending)
            refused.append(outcome if isinstance(outcome, Refused) else None)
        for space in dict.fromkeys(item.value.metadata.namespace for item in wanted if waits(item.value)):
            places = [at for at, item in enumerate(wanted) if item.value.metadata.namespace == space]
            judged = judge(self._store, space, [wanted[at].value for at in places])
            for at, refusal in judged.refused.items():
                refused[places[at]] = refused[places[at]] or refusal
        return refused

    def delete(
        self,
        key: ObjectKey,
        source: str = "",
        *,
        take_over: bool = False,
        if_match: int | None = None,
        grace_period: float | None = None,
        uid: str = "",
    ) -> Deleted | Refused:
        """Asks for the object's end; asking again is fine, and may name another grace period (seconds)."""
        return self.delete_many([Unwanted(key, take_over, if_match, grace_period, uid)], source)[0]

    def delete_many(self, unwanted: Sequence[Unwanted], source: str = "") -> list[Deleted | Refused]:
        """As `delete`, for many at once, a hundred and more in one commit; each is decided and answered for itself."""

        def removal(asked: Unwanted, existing: AnyObject) -> Removal | Refused:
            if asked.uid and existing.metadata.uid != asked.uid:
                kind, name = asked.key.kind.lower(), asked.key.name
                message = f"there is no {kind} with uid {asked.uid} any more; another is called {name} now"
                return Refused("NotFound", message)
            return decide_delete(
                existing,
                source=source,
                now=self._clock.now(),
                take_over=asked.take_over,
                grace_period=asked.grace_period,
            )

        return delete_objects(self._store, unwanted, removal, self._guess)

    def _namespaces(self, wanted: Sequence[Wanted]) -> Namespaces:
        return Namespaces(self._store, self._guess, (each.value for each in wanted))

    def _start(self, index: int, wanted: Wanted, namespaces: Namespaces) -> _Pending:
        key = keys.object_key(key_of(wanted.value))
        known = self._guess(key) if self._guess else self._store.get(key)
        return _Pending(index, wanted, key, self._new_uid(), known, self._guess is None, namespaces)

    def _decide(self, pending: _Pending, dry_run: bool) -> Verdict | Applied | Refused:
        """A verdict means: write it. What ends without a write is only believed of a fresh read."""
        outcome = self._judge(pending)
        if isinstance(outcome, Verdict) and outcome.result != "unchanged" and not dry_run:
            return outcome
        if not pending.fresh:
            pending.known, pending.fresh = self._store.get(pending.key), True
            return self._decide(pending, dry_run)
        if not isinstance(outcome, Verdict):
            return outcome
        revision = pending.known.mod_revision if pending.known and outcome.result == "unchanged" else 0
        return Applied(outcome.result, outcome.value, pending.before, revision)

    def _judge(self, pending: _Pending) -> Verdict | Refused | Applied:
        wanted, known = pending.wanted, pending.known
        existing = stored(known, wanted.value.kind)
        if known and existing and pending.sent and _same_write(pending.sent, existing):
            return Applied("configured" if pending.before else "created", existing, pending.before, known.mod_revision)
        pending.before = existing
        namespace = pending.namespaces.spec(wanted.value.metadata.namespace, fresh=pending.fresh)
        value = admitted(wanted.value, existing, namespace.defaults)
        outcome = check_match(key_of(value), wanted.if_match, known) or decide(
            value,
            existing,
            source=wanted.source,
            now=self._clock.now(),
            uid=pending.uid,
            take_over=wanted.take_over,
            create_only=wanted.create_only,
        )
        if isinstance(outcome, Refused):
            return outcome
        return beyond_limits(value, existing, namespace.limits) or outcome

    def _write_related(
        self, namespace: str, chunk: list[_Ready], outcomes: dict[int, Applied | Refused]
    ) -> list[_Pending]:
        """As `_write`, of objects of which some wait for others; those that would wait for themselves are refused."""
        judged = judge(self._store, namespace, [verdict.value for _, verdict in chunk])
        outcomes |= {chunk[at][0].index: refusal for at, refusal in judged.refused.items()}
        allowed = [item for at, item in enumerate(chunk) if at not in judged.refused]
        return self._write(allowed, outcomes, judged) if allowed else []

    def _write(
        self, chunk: list[_Ready], outcomes: dict[int, Applied | Refused], judged: Judged | None = None
    ) -> list[_Pending]:
        """Commits the chunk; gives back those that have to be decided again, with what is there now."""
        compares = [unchanged_since(p.key, p.known.mod_revision if p.known else 0) for p, _ in chunk]
        compares += judged.compares if judged else []
        creates = self._creates.compare() if any(p.known is None for p, _ in chunk) else None
        try:
            commit = self._store.commit(
                [*compares, *([creates] if creates else [])],
                [*(Put(p.key, encode(verdict.value)) for p, verdict in chunk), *(judged.operations if judged else [])],
            )
        except OutcomeUnknown:
            if creates:
                self._creates.close_off(creates)
            return [self._read_again(pending, verdict) for pending, verdict in chunk]
        if not commit.succeeded:
            if creates:
                self._creates.learn(commit)
            for pending, _ in chunk:
                pending.known, pending.fresh = commit.current.get(pending.key), True
            return [pending for pending, _ in chunk]
        for pending, verdict in chunk:
            outcomes[pending.index] = Applied(verdict.result, verdict.value, pending.before, commit.revision)
        return []

    def _read_again(self, pending: _Pending, verdict: Verdict) -> _Pending:
        pending.sent = verdict.value
        pending.known, pending.fresh = reread(self._store, pending.key), True
        if pending.known is None:
            # It was not made, or was made and deleted since: what is made now is another one.
            pending.uid = self._new_uid()
        return pending


def _is_in_graph(item: _Ready) -> bool:
    """It waits for others, or did until now."""
    pending, verdict = item
    return waits(verdict.value) or waits(pending.before)


def _chunks(ready: list[_Ready], size: int) -> list[list[_Ready]]:
    return chunks(ready, size, lambda item: item[0].key, lambda item: encode(item[1].value))


def _same_write(sent: AnyObject, found: AnyObject) -> bool:
    """Whether an unanswered write did happen: the scheduler may have bound the task since."""
    return sent.metadata == found.metadata and sent.spec == found.spec
