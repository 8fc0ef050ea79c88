"""What is known of the store: lists, news and their order, clocks, and what is on its way."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from controlplane.api.objects.tasks_service import TaskService
from controlplane.garbage.sightings import Sightings
from controlplane.intake import Intake
from controlplane.scheduler.assumed import Assumptions
from controlplane.tasks import controller
from simulator.plane import PlaneProcess
from taskyard.store.api import Compacted, KeyEvent
from taskyard.store.informer import Change, Informer
from tests.simulator.planted.clocks import TimeOfDay
from tests.simulator.planted.invariants import (
    CAPACITY,
    CONVERGED,
    HISTORY_FORGOTTEN,
    HISTORY_KEPT,
    LISTED,
    SHOWN,
    TRUE_FAILURE,
    TRUE_REASON,
)
from tests.simulator.planted.plant import LOOSE, OUTLIVED, UPDATED, Plant


def _relist_skipped(patch: pytest.MonkeyPatch) -> None:
    def pump(self: Informer, timeout: float) -> bool:
        if self._watch is None:
            if not self.synced:
                self.sync()
                return True
            self._watch = self._store.watch(self._prefix, start_revision=0)
        try:
            batch = self._watch.poll(timeout)
        except Compacted:
            self.close()
            return True
        if batch is None:
            return False
        self._apply(batch)
        return True

    patch.setattr(Informer, "pump", pump)


def _tombstones_dropped(patch: pytest.MonkeyPatch) -> None:
    original = Informer._apply_event

    def apply_event(self: Informer, event: KeyEvent) -> Change | None:
        self._deleted.clear()
        return original(self, event)

    patch.setattr(Informer, "_apply_event", apply_event)


def _old_news_believed(patch: pytest.MonkeyPatch) -> None:
    original = Informer._apply_event

    def apply_event(self: Informer, event: KeyEvent) -> Change | None:
        known = self._entries.get(event.key)
        if known is not None and event.entry is not None and event.revision < known.mod_revision:
            self._entries[event.key] = event.entry
            return Change(event.key, known, event.entry, event.revision)
        return original(self, event)

    patch.setattr(Informer, "_apply_event", apply_event)


def _quarantine_off(patch: pytest.MonkeyPatch) -> None:
    """A task whose value cannot be read, or is not complete yet, counts as deleted."""
    patch.setattr(controller.TaskController, "_unsettled", lambda *_: False)


def _intake_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Intake, "work", lambda *_: False)


def _lists_hear_of_no_status(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(TaskService, "kinds", lambda _: ("task", "node", "assignment", "result", "move"))


def _assumed_room_forgotten(patch: pytest.MonkeyPatch) -> None:
    """What was bound and has not come back by the watch takes no room yet."""
    patch.setattr(Assumptions, "over", lambda _, snapshot: snapshot)


def _planes_count_by_the_time_of_day(patch: pytest.MonkeyPatch) -> None:
    original = PlaneProcess.__init__

    def begin(self: PlaneProcess, *args: Any) -> None:
        *others, clock, formats, kept = args
        original(self, *others, TimeOfDay(clock), formats, kept)

    patch.setattr(PlaneProcess, "__init__", begin)


def _ended_version_keeps_its_room(patch: pytest.MonkeyPatch) -> None:
    """What the version before had is set aside for the next one, though it has ended and others got it."""
    patch.setattr(Assumptions, "recharge", lambda *_: None)


def _wall_clock_alone_believed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sightings, "look", lambda _, there, __: dict.fromkeys(there, math.inf))


PLANTS: dict[str, Plant] = {
    "relist skipped": Plant(_relist_skipped, (CONVERGED, SHOWN)),
    "tombstones dropped": Plant(_tombstones_dropped, (SHOWN,)),
    "old news believed": Plant(_old_news_believed, (SHOWN, TRUE_REASON)),
    "lists hear of no status": Plant(_lists_hear_of_no_status, (LISTED,), (replace(LOOSE, listed=True),)),
    "quarantine off": Plant(_quarantine_off, (r"while somebody's value for it waits to be read",)),
    "intake off": Plant(_intake_off, (r"was put by hand and never completed",)),
    "assumed room forgotten": Plant(_assumed_room_forgotten, (CAPACITY,)),
    "ended version keeps its room": Plant(_ended_version_keeps_its_room, (CAPACITY,), (OUTLIVED,)),
    "planes count by the time of day": Plant(
        _planes_count_by_the_time_of_day, (HISTORY_KEPT, HISTORY_FORGOTTEN, TRUE_FAILURE), (UPDATED,)
    ),
    "wall clock alone believed": Plant(_wall_clock_alone_believed, (r"was collected [\d.]+ s after it had ended",)),
}
