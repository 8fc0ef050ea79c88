"""Reading and writing objects of one kind without HTTP: what the routes do, for them and for a simulation.

Blocking, for worker threads. Everything raises ApiError where the answer is no, StoreUnavailable and OutcomeUnknown
where etcd is away. Tasks have more to them: tasks_service.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from controlplane.admission import ANY, ROUNDS, Applied, Deleted, ObjectWriter, Refused, Unwanted
from controlplane.api.http.answer import Shown
from controlplane.api.http.freshness import Freshness
from controlplane.api.http.problem import ApiError, not_found, refusal, unavailable
from controlplane.api.objects.namesakes import namesakes
from controlplane.api.shown.kinds import show_object
from controlplane.api.shown.objects import ShownObject
from controlplane.api.shown.selectors import Requirement, Selector, matches
from controlplane.api.watching.feeds import JoinedFeed
from controlplane.cluster import CacheChange, ChangeKind, ClusterCache, owner_of
from controlplane.defaults import as_written
from controlplane.services.gather import services_touched
from taskyard import keys
from taskyard.keys import NamedKey, ObjectKey
from taskyard.kinds import BY_KIND, Kind
from taskyard.objects import AnyObject, key_of

S = TypeVar("S", bound=Shown)
Fields = Mapping[str, tuple[str, ...]]

METADATA_FIELDS: Fields = {
    "metadata.name": (),
    "metadata.namespace": (),
    "metadata.uid": (),
    "metadata.source": (),
    "metadata.owner": (),
}
"""What a field selector may name, of any kind."""
TOUCHING_OWNERS: Collection[ChangeKind] = ("task", "object", "node", "assignment", "status", "result")
"""Kinds of changes that may change how an object is shown that controllers make tasks for."""
_TOUCHING_ONE: tuple[ChangeKind, ...] = ("object",)
"""The same of one that nothing is made for."""


@dataclass(frozen=True, slots=True)
class ObjectFilter(Generic[S]):
    """An empty namespace is all of them. `values` are what `fields` are held against."""

    values: Callable[[S], Mapping[str, str]]
    namespace: str = ""
    labels: Selector = ()
    fields: Selector = ()

    def admits(self, shown: S) -> bool:
        return (
            (not self.namespace or shown.metadata.namespace == self.namespace)
            and matches(self.labels, shown.metadata.labels)
            and (not self.fields or matches(self.fields, self.values(shown)))
        )


@dataclass(frozen=True, slots=True)
class Page(Generic[S]):
    """In order of namespace and name. `last` is where the next page starts after; None: there is none."""

    items: list[S]
    revision: int
    last: NamedKey | None = None


@dataclass(frozen=True, slots=True)
class Change(Generic[S]):
    """What became of one object that was applied, or would become of it with a dry run."""

    applied: Applied
    shown: S


@dataclass(frozen=True, slots=True)
class Removal(Generic[S]):
    deleted: Deleted
    shown: S | None


class ServiceOf(Generic[S]):
    """One kind. What an object looks like is the subclass's."""

    fields: ClassVar[Fields] = METADATA_FIELDS

    def __init__(self, kind: Kind, cache: ClusterCache, writer: ObjectWriter, freshness: Freshness) -> None:
        self.names = BY_KIND[kind]
        self.cache = cache
        self.writer = writer
        self.freshness = freshness
        self.feed: JoinedFeed[NamedKey, S] = JoinedFeed(cache, self.known, self.show, self.touched, self.kinds())

    def known(self) -> Iterable[NamedKey]:
        """Those there are, under the cache's lock."""
        raise NotImplementedError

    def show(self, key: NamedKey) -> S | None:
        """As lists and watches have it, under the cache's lock; None: it is not there."""
        raise NotImplementedError

    def show_whole(self, key: NamedKey) -> S | None:
        """As an answer about one object has it."""
        return self.show(key)

    def show_written(self, value: AnyObject, revision: int) -> S:
        """For a write that the cache does not show: a dry run, or one that it has not seen in time."""
        raise NotImplementedError

    def kinds(self) -> Collection[ChangeKind]:
        """Those of changes of which `touched` makes anything."""
        raise NotImplementedError

    def touched(self, change: CacheChange) -> Iterable[NamedKey]:
        """The objects that a change may have changed as they are shown."""
        raise NotImplementedError

    def explainer(self) -> Callable[[NamedKey, S], S]:
        """Adds to the objects of one list what the feed does not know."""
        return lambda _, shown: shown

    def encoder(self) -> Callable[[S], S]:
        """Adds to the lines of one watch what the feed does not know."""
        return lambda shown: shown

    def values(self, shown: S) -> dict[str, str]:
        """For `fields`."""
        metadata = shown.metadata
        return {
            "metadata.name": metadata.name,
            "metadata.namespace": metadata.namespace,
            "metadata.uid": metadata.uid,
            "metadata.source": metadata.source,
            "metadata.owner": f"{metadata.owner.kind.lower()}/{metadata.owner.name}" if metadata.owner else "",
        }

    def locate(self, ident: str, namespace: str) -> NamedKey | None:
        """Which one is called this. Under the cache's lock."""
        key = NamedKey(namespace, ident)
        if self.cache.find(self.object_key(key)) is not None:
            return key
        record = self.cache.object_by_uid(ident)
        return NamedKey(*record.key[1:]) if record is not None and record.key.kind == self.names.kind else None

    def object_key(self, key: NamedKey) -> ObjectKey:
        return ObjectKey(self.names.kind, key.namespace if self.names.namespaced else "default", key.name)

    def choose(self, namespace: str = "", labels: Selector = (), fields: Selector = ()) -> ObjectFilter[S]:
        return ObjectFilter(self.values, namespace if self.names.namespaced else "", labels, fields)

    def choose_named(self, namespace: str, name: str) -> ObjectFilter[S]:
        """The one of that name alone."""
        return self.choose(namespace, fields=(Requirement("metadata.name", "in", frozenset({name})),))

    def get(self, ident: str, namespace: str, *, consistent: bool = False) -> S:
        """By name in the namespace, else by uid in any. Raises ApiError (404)."""
        self.ready(consistent=consistent)
        with self.cache.lock:
            key = self.locate(ident, namespace)
            shown = self.show_whole(key) if key is not None else None
        if shown is None:
            raise self.absent(ident, namespace)
        return shown

    def absent(self, ident: str, namespace: str) -> ApiError:
        where = f" in namespace {namespace}" if self.names.namespaced else ""
        return not_found(f"{self.names.singular} {ident!r}{where}", self.near(ident, namespace))

    def page(
        self, chosen: ObjectFilter[S], *, limit: int = 0, after: NamedKey | None = None, consistent: bool = False
    ) -> Page[S]:
        self.ready(consistent=consistent)
        self.feed.begin()
        items: list[S] = []
        explain = self.explainer()
        with self.cache.lock:
            for key in sorted(self.feed.shown):
                shown = self.feed.shown[key]
                if (after is not None and key <= after) or not chosen.admits(shown):
                    continue
                if limit and len(items) == limit:
                    last = items[-1].metadata
                    return Page(items, self.cache.revision, NamedKey(last.namespace, last.name))
                items.append(explain(key, shown))
            return Page(items, self.cache.revision)

    def write(
        self, value: AnyObject, *, create_only: bool = False, if_match: int | None = None, take_over: bool = False
    ) -> Change[S]:
        """Creates or replaces; the answer shows the object as of that write or later."""
        self.ready()
        applied = self.writer.apply(value, create_only=create_only, if_match=if_match, take_over=take_over)
        if isinstance(applied, Refused):
            raise refusal(applied)
        self.freshness.reach(applied.revision)
        return self.change(applied)

    def patch(
        self,
        ident: str,
        namespace: str,
        change: Callable[[AnyObject], AnyObject],
        *,
        if_match: int | None = None,
        take_over: bool = False,
    ) -> Change[S]:
        """`change` makes the wanted object of the stored one as its author wrote it, again for each try; what it raises
        comes out."""
        self.ready()
        for left in range(ROUNDS - 1, -1, -1):
            with self.cache.lock:
                key = self.locate(ident, namespace)
                stored = self.cache.find(self.object_key(key)) if key is not None else None
                revision = self.revision_of(key) if key is not None else 0
            if stored is None:
                raise self.absent(ident, namespace)
            try:
                expected = revision if if_match in (None, ANY) else if_match
                return self.write(change(as_written(stored)), if_match=expected, take_over=take_over)
            except ApiError as error:
                overtaken = error.problem.status == 412 and if_match in (None, ANY)
                if not overtaken or not left:
                    raise
                self.freshness.reach_now()
        raise AssertionError("the last round returns or raises")

    def turn_back(self, then: AnyObject, revision: int, *, dry_run: bool, take_over: bool) -> Applied:
        """Declares it as it was `then`, if its key is still at `revision` (0: not there). Raises ApiError."""
        applied = self.writer.apply(then, if_match=revision, dry_run=dry_run, take_over=take_over)
        if isinstance(applied, Refused):
            raise refusal(applied)
        self.freshness.reach(applied.revision)
        return applied

    def change(self, applied: Applied) -> Change[S]:
        """With what the cache shows, once it has reached the write."""
        key = key_of(applied.value)
        with self.cache.lock:
            current = applied.revision and self.revision_of(NamedKey(*key[1:])) >= applied.revision
            shown = self.show_whole(NamedKey(*key[1:])) if current else None
            return Change(applied, shown or self.show_written(applied.value, applied.revision))

    def revision_of(self, key: NamedKey) -> int:
        """The mod revision that the cache knows; 0: it is not there."""
        entry = self.cache.informer.entries.get(keys.object_key(self.object_key(key)))
        return entry.mod_revision if entry else 0

    def delete(
        self,
        ident: str,
        namespace: str,
        *,
        if_match: int | None = None,
        grace_period: float | None = None,
        take_over: bool = False,
    ) -> Removal[S]:
        self.ready()
        unwanted = self.unwanted(ident, namespace, if_match=if_match, grace_period=grace_period, take_over=take_over)
        (outcome,) = self.writer.delete_many([unwanted])
        if isinstance(outcome, Refused):
            raise self.not_deleted(unwanted, outcome)
        self.freshness.reach(outcome.revision)
        with self.cache.lock:
            left = self.show_whole(NamedKey(*unwanted.key[1:]))
            if left is not None and not outcome.gone:
                return Removal(outcome, left)
        return Removal(outcome, self.show_written(outcome.value, outcome.revision) if outcome.value else None)

    def unwanted(
        self,
        ident: str,
        namespace: str,
        *,
        uid: str = "",
        if_match: int | None = None,
        grace_period: float | None = None,
        take_over: bool = False,
    ) -> Unwanted:
        """By name, also where the cache does not know it (yet), or as `get` finds it."""
        with self.cache.lock:
            found = self.locate(ident, namespace)
            known = self.cache.find(self.object_key(found)) if found is not None else None
        key = found or NamedKey(namespace, ident)
        if known is not None and key != (namespace, ident):
            uid = uid or known.metadata.uid
        return Unwanted(self.object_key(key), take_over, if_match, grace_period, uid)

    def not_deleted(self, unwanted: Unwanted, refused: Refused) -> ApiError:
        if refused.reason == "NotFound" and not unwanted.uid:
            return self.absent(unwanted.key.name, unwanted.key.namespace)
        return refusal(refused)

    def ready(self, *, consistent: bool = False) -> None:
        """Raises a 503 until the cache was filled once; with `consistent` waits until it holds what etcd holds."""
        if not self.cache.informer.synced:
            raise unavailable("this server is starting: it has not read the cluster's state from etcd yet", "Starting")
        if consistent:
            self.freshness.reach_now()

    def near(self, ident: str, namespace: str) -> str:
        """What may help somebody who asked for what is not there."""
        reason = self.cache.quarantined.get(keys.object_key(self.object_key(NamedKey(namespace, ident))))
        if reason:
            return f"what etcd holds under that name is not usable: {reason}"
        with self.cache.lock:
            elsewhere = sorted(key.namespace for key in self.known() if key.name == ident)
            others = namesakes(self.cache, self.names.kind, NamedKey(namespace, ident))
        return f"there is one in namespace {elsewhere[0]}" if elsewhere else others


class ObjectService(ServiceOf[ShownObject]):
    """Any kind but Task; how each is shown is shown_kinds.py's."""

    def known(self) -> Iterable[NamedKey]:
        return [NamedKey(*key[1:]) for key in self.cache.objects if key.kind == self.names.kind]

    def show(self, key: NamedKey) -> ShownObject | None:
        record = self.cache.objects.get(self.object_key(key))
        return show_object(self.cache, record.value, record.entry.mod_revision) if record else None

    def show_written(self, value: AnyObject, revision: int) -> ShownObject:
        return show_object(self.cache, value, revision)

    def kinds(self) -> Collection[ChangeKind]:
        return TOUCHING_OWNERS if self.names.kind in ("Service", "Job", "Cron") else _TOUCHING_ONE

    def touched(self, change: CacheChange) -> Iterable[NamedKey]:
        if self.names.kind == "Service":
            return services_touched(self.cache, change)
        # What is shown of a job hangs on its tasks, and what is shown of a cron on its jobs.
        named = [change.object, *([change.owner] if self.names.kind in ("Job", "Cron") else [])]
        if self.names.kind == "Cron" and change.object is not None and change.object.kind == "Job":
            job = self.cache.objects.get(change.object)
            named.append(owner_of(job.value) if job is not None else None)
        return [NamedKey(*key[1:]) for key in named if key is not None and key.kind == self.names.kind]


Services = Mapping[str, ServiceOf[Any]]
"""By kind."""
