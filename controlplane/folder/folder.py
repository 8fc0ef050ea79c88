"""ManifestsFolder: the loop around the plan. Looks at the folder when something changed and every so often, and writes.

It acts only while it leads its role, through the same writer as the REST facade, fenced. Constructed and run by
controlplane/app.py; `step` is one round, for tests and simulation.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from controlplane.admission import ObjectWriter, Refused, Unwanted, Wanted
from controlplane.cluster import CacheChange, ClusterCache
from controlplane.folder.fenced import FencedStore
from controlplane.folder.files import FolderUnreadable
from controlplane.folder.known import KnownFiles
from controlplane.folder.plan import MAX_SHARE, Apply, Plan, Remove, Report, plan
from controlplane.folder.timer import Timer
from controlplane.folder.watcher import FolderWatcher
from taskyard.clock import Clock
from taskyard.events import EventRecorder
from taskyard.keys import ObjectKey
from taskyard.objects import AnyObject, ObjectRef, key_of
from taskyard.store.api import Compare, Store, StoreUnavailable
from taskyard.store.elector import NotLeader

_log = logging.getLogger(__name__)

RESCAN_EVERY = 30.0
CONFIRM_REMOVAL = 1.0
"""Seconds that an object has to be undeclared: some programs save by deleting the old file first."""
_RETRY = 1.0
_NOT_LEADING = 0.5
_BEHIND = 0.05
_AT_ONCE = 100
"""Objects in one call of the writer: with the fence, its commits stay within what etcd compares at once."""


def role(folder: Path) -> str:
    """The leader's role: replicas that watch folders of the same name are taken to watch the same folder."""
    return f"folder-{folder_name(folder)}"


def folder_name(folder: Path) -> str:
    """The last part of the path, as a DNS-1123 label."""
    name = re.sub(r"[^a-z0-9-]+", "-", folder.absolute().name.lower(), flags=re.ASCII)
    return name[:63].strip("-") or "root"


class ManifestsFolder:
    """`fence` is an elector's, for `role(folder)`. Inert: `step` or `run` begin."""

    def __init__(
        self,
        folder: Path,
        *,
        store: Store,
        cache: ClusterCache,
        clock: Clock,
        events: EventRecorder,
        fence: Callable[[], Compare],
        max_share: float = MAX_SHARE,
    ) -> None:
        self.folder = folder.absolute()
        self.source = f"folder/{folder_name(folder)}"
        self._cache = cache
        self._clock = clock
        self._events = events
        self._fence = fence
        self._max_share = max_share
        self._writer = ObjectWriter(FencedStore(store, fence), clock, guess=cache.informer.entries.get)
        self._files = KnownFiles(self.folder)
        self._applied: dict[ObjectKey, AnyObject] = {}
        self._undeclared_since: dict[ObjectKey, float] = {}
        self._declared: frozenset[ObjectKey] = frozenset()
        self._told: set[Report] = set()
        self._written = 0
        """The cache shows less than what was written here, until it has reached this revision."""
        self._restores = 0
        self._timer = Timer(clock)
        cache.on_change(self._seen)

    def changed(self) -> None:
        """Something may be different: look again once it is quiet. From any thread."""
        self._timer.changed()

    def step(self) -> float:
        """One round, if one is due; seconds until the next one is. Failures of the store are waited out."""
        wait = self._timer.wait()
        if wait > 0:
            return wait
        self._timer.started()
        try:
            again = self._round(self._fence())
        except NotLeader:
            self._forget_term()
            again = _NOT_LEADING
        except StoreUnavailable as error:
            _log.warning("%s: the store does not answer: %s", self.source, error)
            again = _RETRY
        self._timer.again_in(again)
        return again

    def run(self, stop: threading.Event) -> None:
        """Steps until `stop` is set, with a watcher on the folder."""
        watcher = FolderWatcher(self.folder, self.changed)
        try:
            while not stop.is_set():
                watcher.ensure()
                try:
                    wait = self.step()
                except Exception:
                    _log.exception("a round of %s failed; it is tried again", self.source)
                    self._timer.again_in(_RETRY)
                    wait = _RETRY
                self._timer.sleep(min(wait, _NOT_LEADING))
        finally:
            watcher.stop()

    def _round(self, fence: Compare) -> float:
        """Looks, plans, writes; seconds until it is to be done again even if nothing changes."""
        if self._restores != self._cache.restores:
            self._restores, self._written = self._cache.restores, 0
            self._forget_term()
        if self._cache.revision < max(fence.revision, self._written):
            return _BEHIND
        try:
            unsettled = self._files.look()
        except FolderUnreadable as error:
            message = f"the folder cannot be read, so nothing is changed: {error}"
            self._tell([Report("BadManifest", message)])
            return RESCAN_EVERY
        files = self._files
        wanted = {key_of(one) for one in files.objects()}
        found = plan(
            self.source,
            files.read,
            files.last_good,
            self._stored(wanted),
            self._applied,
            removal_allowed=files.removal_allowed,
            max_share=self._max_share,
        )
        self._declared = found.declared
        refused = [*self._apply(found.applies), *self._remove(self._confirmed(found.removes))]
        self._remember(found)
        self._tell([*found.reports, *refused])
        if unsettled or refused:
            return _RETRY
        return CONFIRM_REMOVAL if self._undeclared_since else RESCAN_EVERY

    def _stored(self, wanted: set[ObjectKey]) -> dict[ObjectKey, AnyObject]:
        """What the plan has to know of the store: what is declared here, and what was."""
        with self._cache.lock:
            known = {key: found for key in wanted if (found := self._cache.find(key)) is not None}
            ours = {key: value for key, value in self._cache.everything() if value.metadata.source == self.source}
        return known | ours

    def _apply(self, applies: Sequence[Apply]) -> list[Report]:
        reports: list[Report] = []
        wanted = [Wanted(one.value, self.source) for one in applies]
        chunks = [wanted[at : at + _AT_ONCE] for at in range(0, len(wanted), _AT_ONCE)]
        outcomes = [outcome for chunk in chunks for outcome in self._writer.apply_many(chunk)]
        for one, outcome in zip(applies, outcomes, strict=True):
            key = key_of(one.value)
            if isinstance(outcome, Refused):
                reports.append(Report("Refused", f"{one.file}: {outcome.message}", key))
                continue
            self._applied[key] = one.value
            self._written = max(self._written, outcome.revision)
            if outcome.result != "unchanged":
                self._emit(key, "Applied", f"{outcome.result} from {one.file}", warning=False)
        return reports

    def _confirmed(self, removes: Sequence[Remove]) -> list[Remove]:
        """Those that have been undeclared for long enough."""
        now = self._clock.monotonic()
        since = {one.key: self._undeclared_since.get(one.key, now) for one in removes}
        ripe = [one for one in removes if now - since[one.key] >= CONFIRM_REMOVAL]
        self._undeclared_since = {key: at for key, at in since.items() if now - at < CONFIRM_REMOVAL}
        return ripe

    def _remove(self, removes: Sequence[Remove]) -> list[Report]:
        reports: list[Report] = []
        outcomes = self._writer.delete_many([Unwanted(one.key, uid=one.uid) for one in removes], self.source)
        for one, outcome in zip(removes, outcomes, strict=True):
            if isinstance(outcome, Refused):
                if outcome.reason != "NotFound":
                    reports.append(Report("Refused", outcome.message, one.key))
                continue
            self._applied.pop(one.key, None)
            self._written = max(self._written, outcome.revision)
            self._emit(one.key, "Removed", "no manifest in the folder declares it any more", warning=False)
        return reports

    def _remember(self, found: Plan) -> None:
        """What the store already had as declared counts as applied, also after a restart."""
        changing = {key_of(one.value) for one in found.applies}
        with self._cache.lock:
            for value in self._files.objects():
                key = key_of(value)
                stored = self._cache.find(key)
                if key not in changing and stored is not None and stored.metadata.source == self.source:
                    self._applied[key] = value

    def _tell(self, reports: Sequence[Report]) -> None:
        """Each once, until it no longer holds."""
        for report in reports:
            if report not in self._told:
                _log.warning("%s: %s: %s", self.source, report.reason, report.message)
                self._emit(report.about, report.reason, report.message, warning=True)
        self._told = set(reports)

    def _emit(self, about: ObjectKey | None, reason: str, message: str, *, warning: bool) -> None:
        if about is None:
            ref, namespace = ObjectRef(kind="Folder", name=self.source.removeprefix("folder/")), "default"
        else:
            ref, namespace = ObjectRef(kind=about.kind, name=about.name), about.namespace
        self._events.emit(ref, namespace, reason, message, warning=warning)

    def _forget_term(self) -> None:
        """Another may lead meanwhile, and change anything."""
        self._applied.clear()
        self._undeclared_since.clear()
        self._told.clear()

    def _seen(self, changes: Sequence[CacheChange]) -> None:
        """Under the cache's lock: an object that is declared here was changed or deleted by someone."""
        tasks = (ObjectKey("Task", *change.task) for change in changes if change.kind == "task" and change.task)
        others = (change.object for change in changes if change.kind == "object")
        if any(key in self._declared for key in (*tasks, *others)):
            self._timer.changed()
