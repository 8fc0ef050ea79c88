"""Keeps mounted Secrets and Configs as they are in the store: in place, or by having the task restarted.

Compares what is there with what should be, every few seconds: a change that was missed is found the next time, and a
new agent needs to know nothing. An object that went away, or that cannot be read, changes nothing. Called by a duty.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from nodeagent.mounted_values import of_values, settings, source
from nodeagent.value_files import Files, FilesRefused
from nodeagent.values import ValueMissing, read_data
from taskyard.keys import ObjectKey
from taskyard.objects import Assignment, ObjectRef, Volume
from taskyard.store.api import Store

log = logging.getLogger(__name__)


class Recorder(Protocol):
    def emit(self, about: ObjectRef, namespace: str, reason: str, message: str, *, warning: bool = False) -> None: ...


class Freshness:
    """`assigned`: the tasks of this node; `look_again` puts one on the agent's queue."""

    def __init__(
        self,
        store: Store,
        files: Files,
        recorder: Recorder,
        assigned: Callable[[], Iterable[Assignment]],
        look_again: Callable[[str], None],
    ) -> None:
        self._store = store
        self._files = files
        self._recorder = recorder
        self._assigned = assigned
        self._look_again = look_again
        self._outdated: dict[str, tuple[str, str, int]] = {}
        """What has changed for a task that is to be restarted for it, its spec's hash, and the version of its files
        then."""

    def outdated(self, uid: str, spec_hash: str) -> str:
        """`secret/db`, when that has changed since the task's files were written for this spec; else empty: another
        spec may have no files, and they would not become newer with any restart. Any thread may ask."""
        label, known, version = self._outdated.get(uid, ("", "", 0))
        return label if (known, version) == (spec_hash, self._files.version(uid)) else ""

    def step(self) -> None:
        """Raises StoreUnavailable, OSError; the next step goes on."""
        known: dict[ObjectKey, Mapping[str, str] | None] = {}
        outdated: dict[str, tuple[str, str, int]] = {}
        for assignment in self._assigned():
            if assignment.desired != "Running":
                continue
            for volume in of_values(assignment.spec):
                version = self._files.version(assignment.uid)
                has = self._files.read(assignment.uid, volume.target)
                wanted = self._wanted(source(assignment, volume), known) if has is not None else None
                if wanted is None or wanted == has:
                    continue
                if volume.on_change == "restart":
                    outdated[assignment.uid] = source(assignment, volume).label, assignment.spec_hash, version
                else:
                    self._renew(assignment, volume, wanted)
        fresh = [uid for uid, found in outdated.items() if self._outdated.get(uid) != found]
        self._outdated = outdated
        for uid in fresh:
            self._look_again(uid)

    def _wanted(self, key: ObjectKey, known: dict[ObjectKey, Mapping[str, str] | None]) -> Mapping[str, str] | None:
        if key not in known:
            try:
                known[key] = read_data(self._store, key)
            except ValueMissing as error:
                log.info("files stay as they are: %s", error)
                known[key] = None
        return known[key]

    def _renew(self, assignment: Assignment, volume: Volume, wanted: Mapping[str, str]) -> None:
        label = source(assignment, volume).label
        try:
            if not self._files.renew(assignment.uid, volume.target, wanted, settings(volume)):
                return
        except FilesRefused as error:
            log.warning("the files of %s for task %s stay as they are: %s", label, assignment.uid, error)
            return
        self._recorder.emit(
            ObjectRef(kind="Task", name=assignment.name, uid=assignment.uid),
            assignment.namespace,
            "ValuesUpdated",
            f"the files in {volume.target} are those of {label} as it is now",
        )
