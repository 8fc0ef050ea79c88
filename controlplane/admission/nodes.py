"""Writes what operators say about nodes: read, decide, compare-and-swap. Used by the REST facade and the folder.

The agent's own keys are not touched. A node may be described before its agent ever ran.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from controlplane.admission.decide import Refused
from controlplane.admission.outcome import ANY, ROUNDS
from controlplane.admission.removal import reread
from taskyard import keys
from taskyard.annotations import but_who
from taskyard.clock import Clock, timestamp
from taskyard.objects import Assignment, BadValue, NodeSpec, TaskStatus, decode, encode
from taskyard.store.api import Delete, Entry, OutcomeUnknown, Put, Store, unchanged, unchanged_since


@dataclass(frozen=True, slots=True)
class NodeApplied:
    """`revision` is the spec's mod revision; 0 for a dry run that would have written."""

    result: Literal["created", "configured", "unchanged"]
    spec: NodeSpec
    before: NodeSpec | None
    revision: int


class NodeWriter:
    """One writer serves any number of threads; every call blocks for as long as the store does."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def apply(
        self,
        name: str,
        change: Callable[[NodeSpec | None], NodeSpec],
        source: str = "",
        *,
        dry_run: bool = False,
        take_over: bool = False,
        if_match: int | None = None,
    ) -> NodeApplied | Refused:
        """`change` makes the wanted spec of the stored one, again for each try. Raises OutcomeUnknown,
        StoreUnavailable, and what `change` raises."""
        key = keys.node_spec(name)
        entry = self._store.get(key)
        sent: tuple[bytes, NodeApplied] | None = None
        for _ in range(ROUNDS):
            if sent is not None and entry is not None and entry.value == sent[0]:
                return NodeApplied(sent[1].result, sent[1].spec, sent[1].before, entry.mod_revision)
            found = entry.mod_revision if entry else 0
            if if_match is not None and if_match not in (found, ANY):
                return _other_revision(name, found, if_match)
            before = _stored(entry)
            verdict = self._decide(name, change(before), before, source, take_over)
            if isinstance(verdict, Refused):
                return verdict
            if verdict.result == "unchanged":
                return NodeApplied("unchanged", verdict.spec, before, found)
            if dry_run:
                return verdict
            value = encode(verdict.spec)
            try:
                commit = self._store.commit([unchanged_since(key, found)], [Put(key, value)])
            except OutcomeUnknown:
                sent = value, verdict
                entry = reread(self._store, key)
                continue
            if commit.succeeded:
                return NodeApplied(verdict.result, verdict.spec, before, commit.revision)
            entry = commit.current.get(key)
        return Refused("Conflict", f"others changed node/{name} {ROUNDS} times while this was written", "try again")

    def forget(self, name: str, *, take_over: bool = False, if_match: int | None = None) -> int | Refused:
        """Deletes what was said about a node; the revision, 0 when it is not known. Raises OutcomeUnknown,
        StoreUnavailable.

        Without force not while its agent runs, since the node would stay, without its cordon and taints; nor while
        tasks are bound to it, which would have nobody left to say that it is gone for good.
        """
        key, lease = keys.node_spec(name), keys.node_lease(name)
        runs = Refused(
            "Conflict",
            f"the agent of node/{name} runs",
            f"empty it with 'taskyard drain {name}' and stop its agent: seconds later the node can be deleted; or"
            " repeat with --force (?force=1), which forgets labels, taints and cordon of a node that stays",
        )
        if not take_over:
            if self._store.get(lease) is not None:
                return runs
            if bound := self._bound(name):
                return Refused(
                    "Conflict",
                    f"{_listed(bound)} bound to node/{name}",
                    "wait until all are placed elsewhere; delete those that wait for it (onNodeLoss.policy is stay), or"
                    " their volumes (taskyard delete volume NAME); or repeat with --force (?force=1), and they go on"
                    " waiting",
                )
        entry = self._store.get(key)
        unanswered = False
        for _ in range(ROUNDS):
            if entry is None:
                return 0 if unanswered else Refused("NotFound", f"there is no node/{name}")
            if if_match not in (None, ANY, entry.mod_revision):
                return _other_revision(name, entry.mod_revision, if_match)
            before = _stored(entry)
            if before is not None and before.metadata.source and not take_over:
                owner = before.metadata.source
                return Refused(
                    "DeclaredElsewhere", f"node/{name} is declared by {owner}", "repeat with --force (?force=1)"
                )
            try:
                compares = [unchanged(entry), *([] if take_over else [unchanged_since(lease, 0)])]
                commit = self._store.commit(compares, [Delete(key)])
            except OutcomeUnknown:
                unanswered = True
                entry = reread(self._store, key)
                continue
            if commit.succeeded:
                return commit.revision
            if not take_over and commit.current.get(lease) is not None:
                return runs
            entry = commit.current.get(key)
        return Refused("Conflict", f"others changed node/{name} {ROUNDS} times while this was written", "try again")

    def _bound(self, name: str) -> list[str]:
        """The tasks that have not ended there, by namespace and name."""
        ended = set()
        for entry in self._store.list(keys.node_prefix(name) + "status/").entries:
            with suppress(BadValue):
                status = decode(entry.value, TaskStatus)
                ended |= {status.uid} if status.state.terminal else set()
        found = []
        for entry in self._store.list(keys.node_prefix(name) + "assignments/").entries:
            with suppress(BadValue):
                held = decode(entry.value, Assignment)
                found += [f"{held.namespace}/{held.name}"] if held.uid not in ended else []
        return sorted(found)

    def _decide(
        self, name: str, wanted: NodeSpec, before: NodeSpec | None, source: str, take_over: bool
    ) -> NodeApplied | Refused:
        """The same ownership as for tasks: what a folder declares, a person changes only by force."""
        metadata = replace(
            wanted.metadata,
            name=name,
            namespace="default",
            uid="",
            generation=(before.metadata.generation if before else 0) + 1,
            created_at=before.metadata.created_at if before else timestamp(self._clock.now()),
            deletion_timestamp="",
            source=source,
        )
        made = replace(wanted, metadata=metadata)
        if before is None:
            return NodeApplied("created", made, None, 0)
        owner = before.metadata.source
        unchanged = replace(made, metadata=replace(metadata, generation=before.metadata.generation, source=owner))
        if _but_who(unchanged) == _but_who(before) and source in ("", owner):
            return NodeApplied("unchanged", before, before, 0)
        if owner and owner != source and not (take_over and not source):
            hint = (
                "take it out of one of the two"
                if source
                else f"change it in {owner}, or repeat with --force (?force=1)"
            )
            return Refused("DeclaredElsewhere", f"node/{name} is declared by {owner}", hint)
        return NodeApplied("configured", made, before, 0)


def _but_who(spec: NodeSpec) -> NodeSpec:
    return replace(spec, metadata=replace(spec.metadata, annotations=but_who(spec.metadata.annotations)))


def _other_revision(name: str, found: int, wanted: int | None) -> Refused:
    return Refused("PreconditionFailed", f"node/{name} is at revision {found}, not {wanted}", "read it again")


def _listed(tasks: Sequence[str]) -> str:
    """`3 tasks (a/b, a/c, a/d) are`"""
    named = ", ".join(tasks[:5]) + (", …" if len(tasks) > 5 else "")
    return f"{len(tasks)} task{'s' if len(tasks) > 1 else ''} ({named}) {'are' if len(tasks) > 1 else 'is'}"


def _stored(entry: Entry | None) -> NodeSpec | None:
    try:
        return decode(entry.value, NodeSpec) if entry else None
    except BadValue:
        return None
