"""The cluster as it was, how an object came to be as it is, what two moments differ by, and turning one back.

Blocking, for worker threads. Reads of the past list the store as of a revision; the last such cluster is kept, since
people look at one moment from several sides.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from controlplane.admission.decide import GRACE_PERIOD
from controlplane.api.http.freshness import Freshness
from controlplane.api.http.problem import ApiError, bad_request, not_found
from controlplane.api.objects.apply import ShownChange, shown_changes
from controlplane.api.objects.namesakes import namesakes
from controlplane.api.objects.objects_service import ServiceOf, Services
from controlplane.api.objects.readers import Readers, readers_over
from controlplane.cluster import ClusterCache
from controlplane.nodeloss import NodeLosses
from controlplane.past import (
    BadMoment,
    Change,
    changes_of,
    cluster_at,
    earliest,
    events_of,
    lives_of,
    mark_at,
    revision_at,
    states_of,
)
from taskyard import keys
from taskyard.annotations import CHANGED_BY, but_who
from taskyard.clock import Clock, ManualClock, timestamp
from taskyard.keys import NamedKey, ObjectKey
from taskyard.kinds import BY_KIND
from taskyard.manifest import diff
from taskyard.objects import AnyObject, BadValue, NodeSpec, Task, Wire, decode, decode_object
from taskyard.store.api import Compacted, Entry, Store
from taskyard.store.past import PastStore

MOST_CHANGES = 1000


class ShownStep(Wire, frozen=True, kw_only=True):
    """`at`: when the value says it was, or the last mark before it, which is some seconds older; empty: not known."""

    revision: int
    at: str
    what: str
    by: str
    why: str = ""
    changes: list[ShownChange] = msgspec.field(default_factory=list)


class ShownHistory(Wire, frozen=True, kw_only=True):
    """`steps` oldest first; `earliest`: how far back the store's history goes; `left_out`: older steps than these."""

    kind: str
    about: str
    namespace: str = ""
    name: str
    earliest: int
    left_out: int = 0
    steps: list[ShownStep]


class ShownDifference(Wire, frozen=True, kw_only=True):
    kind: str
    namespace: str = ""
    name: str
    what: str
    """`created`, `changed` or `removed`."""
    changes: list[ShownChange]


class ShownDifferences(Wire, frozen=True, kw_only=True):
    kind: str
    first: int
    last: int
    objects: list[ShownDifference]


class ShownUndone(Wire, frozen=True, kw_only=True):
    """`revision`: as of which the object is declared again."""

    kind: str
    result: str
    revision: int
    changes: list[ShownChange]


class _AsItWas(Freshness):
    """Nothing more comes."""

    def reach(self, revision: int) -> bool:
        del revision
        return True

    def reach_now(self) -> None:
        return None


class PastService:
    def __init__(self, cache: ClusterCache, services: Services, store: Store, clock: Clock) -> None:
        """`cache` and `services`: the cluster as it is."""
        self._cache = cache
        self._services = services
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._last: tuple[int, Readers] | None = None

    def at(self, moment: str) -> Readers:
        """A revision or an RFC 3339 moment. Raises ApiError: 400 for none, 410 for one that is gone."""
        revision = self._revision(moment, "at")
        with self._lock:
            if self._last is None or self._last[0] != revision:
                self._last = None
                self._last = (revision, self._read(revision))
            return self._last[1]

    def _read(self, revision: int) -> Readers:
        mark = mark_at(self._store, revision)
        clock = ManualClock(mark.seconds if mark else self._clock.now())
        made: list[Readers] = []

        def attach(cache: ClusterCache) -> None:
            store = PastStore(self._store, revision)
            made.append(readers_over(cache, store, clock, _AsItWas(), NodeLosses(cache, clock)))

        cluster_at(self._store, revision, clock, self._cache.strategy, attach=attach)
        return made[0]

    def history(self, kind: str, name: str, namespace: str, most: int) -> ShownHistory:
        """Of the object of that name, or uid while it is there. Raises ApiError (404) when there never was one."""
        key = self._key(kind, name, namespace)
        first, last = earliest(self._store), self._store.list(keys.LEADERS).revision
        changes = sorted(self._changes(key, first, last), key=lambda each: each.revision)
        if not changes:
            where = f" in namespace {namespace}" if BY_KIND[key.kind].namespaced else ""
            never = f"{kind.lower()} {name!r}{where}, and there was none since revision {first}"
            with self._cache.lock:
                raise not_found(never, namesakes(self._cache, key.kind, NamedKey(namespace, name)))
        kept = changes[-most:]
        return ShownHistory(
            kind="History",
            about=kind,
            namespace=key.namespace if BY_KIND[key.kind].namespaced else "",
            name=key.name,
            earliest=first,
            left_out=len(changes) - len(kept),
            steps=[self._step(each) for each in kept],
        )

    def differences(self, start: str, end: str, namespace: str) -> ShownDifferences:
        """Of what is declared, between two moments; an empty `end` is now, an empty namespace all of them."""
        last = self._revision(end, "to") if end else self._store.list(keys.LEADERS).revision
        first = self._revision(start, "from")
        if first > last:
            raise bad_request(f"it ends before it begins: from revision {first} to {last}", "BadMoment")
        before, after = self._declared(first, namespace), self._declared(last, namespace)
        found = [
            _difference(key, before.get(key), after.get(key))
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key)
        ]
        return ShownDifferences(kind="Differences", first=first, last=last, objects=[each for each in found if each])

    def undo(
        self, kind: str, name: str, namespace: str, to: str, by: str, *, dry_run: bool, take_over: bool
    ) -> ShownUndone:
        """Declares the object as it was: at the moment `to`, or before the last change of what is declared. `by`: who
        does, for its history; whoever declared it then does not.

        Raises ApiError: 404 for what never was, 409 for what was not there then or has not changed.
        """
        key = self._key(kind, name, namespace)
        service = self._services[kind]
        entry = self._store.get(keys.object_key(key))
        revision, found = self._as_of(key, entry, to)
        then = _declared_then(found, by)
        outcome = service.turn_back(then, entry.mod_revision if entry else 0, dry_run=dry_run, take_over=take_over)
        return ShownUndone(
            kind="Undone",
            result=outcome.result,
            revision=revision,
            changes=list(shown_changes(diff(outcome.before, outcome.value))),
        )

    def _as_of(self, key: ObjectKey, entry: Entry | None, to: str) -> tuple[int, AnyObject]:
        if to:
            revision = self._revision(to, "to")
            found = self._value(key, revision)
            if found is None:
                raise ApiError(409, "NotThere", f"{key.label} was not there at revision {revision}: delete it instead")
            return revision, found
        now = _value_of(entry, key.kind)
        for revision in self._revisions_before(key):
            found = self._value(key, revision)
            if found is not None and (now is None or diff(found, now)):
                return revision, found
        if now is None:
            raise not_found(key.label, "and there was none as far back as history goes")
        raise ApiError(409, "Unchanged", f"{key.label} has not changed as far back as history goes: nothing to undo")

    def _revisions_before(self, key: ObjectKey) -> Iterator[int]:
        """Newest first, those just before the key was written."""
        first, last = earliest(self._store), self._store.list(keys.LEADERS).revision
        written = [each.revision for each in events_of(self._store, keys.object_key(key), first + 1, last)]
        yield from (revision - 1 for revision in reversed(written))

    def _value(self, key: ObjectKey, revision: int) -> AnyObject | None:
        found: AnyObject | None = _value_of(self._store.get(keys.object_key(key), revision=revision), key.kind)
        return found

    def _changes(self, key: ObjectKey, first: int, last: int) -> Iterator[Change]:
        if key.kind == "Node":
            yield from self._node_changes(key, first, last)
            return
        path = keys.object_key(key)
        before = self._store.get(path, revision=first)
        events = events_of(self._store, path, first + 1, last)
        yield from changes_of(key, before, events)
        if key.kind == "Task":
            entries = [before, *(event.entry for event in events)]
            for node, uid in _places(entry for entry in entries if entry is not None):
                yield from self._states(node, uid, first, [last, *(event.revision - 1 for event in reversed(events))])

    def _states(self, node: str, uid: str, first: int, revisions: Sequence[int]) -> Iterator[Change]:
        """`revisions`, newest first: now, and just before each write of the task. A status goes with such a write, so
        at the first of them that has it all is told of it."""
        status = keys.status(node, uid)
        last = next((each for each in revisions if each >= first and self._store.get(status, revision=each)), None)
        if last is not None:
            then = self._store.get(status, revision=first)
            yield from states_of(node, then, events_of(self._store, status, first + 1, last))

    def _node_changes(self, key: ObjectKey, first: int, last: int) -> Iterator[Change]:
        spec = keys.node_spec(key.name)
        before = self._store.get(spec, revision=first)
        yield from changes_of(key, before, events_of(self._store, spec, first + 1, last))
        yield from lives_of(key.name, events_of(self._store, keys.node_lease(key.name), first + 1, last))

    def _step(self, change: Change) -> ShownStep:
        at = change.at
        if not at and (mark := mark_at(self._store, change.revision)) is not None:
            at = timestamp(mark.seconds)
        fields = shown_changes(change.fields)
        return ShownStep(
            revision=change.revision, at=at, what=change.what, by=change.by, why=change.why, changes=list(fields)
        )

    def _key(self, kind: str, ident: str, namespace: str) -> ObjectKey:
        if kind == "Node":
            return ObjectKey(kind, "default", ident)
        service: ServiceOf[Any] = self._services[kind]
        service.ready()
        with self._cache.lock:
            found = service.locate(ident, namespace)
        return service.object_key(found or NamedKey(namespace, ident))

    def _declared(self, revision: int, namespace: str) -> dict[ObjectKey, AnyObject | NodeSpec]:
        """What no controller made."""
        found: dict[ObjectKey, AnyObject | NodeSpec] = {}
        for entry in self._store.list(keys.ROOT, revision=revision).entries:
            key, node = keys.parse_object(entry.key), keys.parse_node(entry.key)
            if node is not None and node.part == "spec" and not namespace:
                key = ObjectKey("Node", "default", node.node)
            if key is None or (namespace and (key.namespace != namespace or not BY_KIND[key.kind].namespaced)):
                continue
            value = _value_of(entry, key.kind)
            if value is not None and value.metadata.owner is None:
                found[key] = value
        return found

    def _revision(self, text: str, what: str) -> int:
        try:
            return revision_at(self._store, text, what)
        except BadMoment as error:
            raise bad_request(str(error), "BadMoment") from error
        except Compacted as gone:
            raise ApiError(410, "Compacted", f"{gone} while it was read: name a later moment") from gone


def _declared_then(value: AnyObject, by: str) -> AnyObject:
    """Without what a deletion that was under way had said, and said by whoever says it now."""
    annotations = but_who(value.metadata.annotations)
    if by:
        annotations[CHANGED_BY] = by
    if value.metadata.deletion_timestamp:
        annotations.pop(GRACE_PERIOD, None)
    return replace(value, metadata=replace(value.metadata, annotations=annotations))


def _value_of(entry: Entry | None, kind: str) -> Any:
    """None for what is not there, and for a value that no reader takes for such an object."""
    try:
        if entry is None:
            return None
        return decode(entry.value, NodeSpec) if kind == "Node" else decode_object(entry.value, kind)
    except BadValue:
        return None


def _places(entries: Iterable[Entry]) -> list[tuple[str, str]]:
    """The nodes that a task was bound to, with its uid then."""
    tasks = [value for entry in entries if isinstance(value := _value_of(entry, "Task"), Task)]
    return sorted({(task.binding.node, task.metadata.uid) for task in tasks if task.binding is not None})


def _difference(key: ObjectKey, before: Any, after: Any) -> ShownDifference | None:
    """None when only what is not declared differs, as a binding."""
    changes = shown_changes(diff(before, after))
    what = "created" if before is None else "removed" if after is None else "changed"
    if what == "changed" and not changes:
        return None
    namespace = key.namespace if BY_KIND[key.kind].namespaced else ""
    return ShownDifference(kind=key.kind, namespace=namespace, name=key.name, what=what, changes=list(changes))
