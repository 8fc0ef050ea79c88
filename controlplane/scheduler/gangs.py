"""Tasks that are placed together or not at all: who belongs together, and their bindings in one transaction.

A gang holds nothing while it waits, so two gangs can never wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from controlplane.cluster import TaskRecord
from controlplane.leading import Proposal, Results, Stale, committing
from controlplane.placement import gang_of
from controlplane.scheduler.bindings import Bound
from taskyard.keys import NamedKey
from taskyard.store.api import Compare, Store

Whole = tuple[Proposal[Bound], ...]


class Gangs:
    """By the gang's name, its tasks that wait for a node and those that have one."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[NamedKey]] = {}
        self._placed: dict[str, set[NamedKey]] = {}
        self._of: dict[NamedKey, str] = {}
        self._sizes: dict[NamedKey, int] = {}
        """How many have to be placed at least, by the word of each."""

    def note(self, key: NamedKey, record: TaskRecord | None, *, waits: bool) -> tuple[str, str]:
        """The gang that it was of so far, and that which it is of now; empty: of none, or it neither waits nor has a
        node, as where there is no `record`."""
        was = self._of.pop(key, "")
        for table in (self._waiting, self._placed) if was else ():
            members = table.get(was, set())
            members.discard(key)
            if not members:
                table.pop(was, None)
        self._sizes.pop(key, None)
        if record is None or record.task.spec.gang is None:
            return was, ""
        gang = gang_of(record)
        self._of[key], self._sizes[key] = gang, record.task.spec.gang.size
        (self._waiting if waits else self._placed).setdefault(gang, set()).add(key)
        return was, gang

    def with_the_others(self, keys: Iterable[NamedKey]) -> list[NamedKey]:
        """These, and after each the members of its gang that wait as well."""
        found: dict[NamedKey, None] = {}
        for key in keys:
            found[key] = None
            if gang := self._of.get(key):
                found.update(dict.fromkeys(self.waiting(gang)))
        return list(found)

    def waiting(self, gang: str) -> list[NamedKey]:
        return sorted(self._waiting.get(gang, ()))

    def lacks(self, gang: str, size: int) -> int:
        """How many have to be placed at once, with those that are."""
        return max(0, size - len(self._placed.get(gang, ())))

    def too_few(self, gang: str) -> bool:
        """Those that wait are not enough, with those that are placed, by the word of any of them."""
        waiting = self._waiting.get(gang, ())
        return all(len(waiting) < self.lacks(gang, self._sizes[key]) for key in waiting)

    def clear(self) -> None:
        self._waiting.clear()
        self._placed.clear()
        self._of.clear()
        self._sizes.clear()


def commit_together(store: Store, fence: Compare, proposals: Iterable[Proposal[Bound]]) -> Iterator[Results[Bound]]:
    """As `committing`, with the bindings of a gang in one transaction that stands or falls as a whole."""
    gangs: dict[str, list[Proposal[Bound]]] = {}

    def alone() -> Iterator[Proposal[Bound]]:
        for proposal in proposals:
            if proposal.subject.gang:
                gangs.setdefault(proposal.subject.gang, []).append(proposal)
            else:
                yield proposal

    over = False
    for results in committing(store, fence, alone()):
        over = over or results.end_it
        yield results
    if over:
        yield Results(untried=[proposal for members in gangs.values() for proposal in members])
        return
    for wholes in committing(store, fence, map(_whole, gangs.values())):
        yield _members(wholes)


def _whole(members: list[Proposal[Bound]]) -> Proposal[Whole]:
    compares = dict.fromkeys(compare for member in members for compare in member.compares)
    return Proposal(tuple(members), tuple(compares), tuple(op for member in members for op in member.operations))


def _members(wholes: Results[Whole]) -> Results[Bound]:
    results: Results[Bound] = Results(fenced_out=wholes.fenced_out)
    for whole, revision in wholes.committed:
        results.committed += [(member, revision) for member in whole.subject]
    for stale in wholes.stale:
        for member in stale.proposal.subject:
            current = {compare.key: stale.current.get(compare.key) for compare in member.compares}
            results.stale.append(Stale(member, stale.revision, current))
    results.unknown += [member for whole in wholes.unknown for member in whole.subject]
    results.untried += [member for whole in wholes.untried for member in whole.subject]
    results.refused += [(member, reason) for whole, reason in wholes.refused for member in whole.subject]
    return results
